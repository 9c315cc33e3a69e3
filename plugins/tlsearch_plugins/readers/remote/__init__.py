"""Archives and addresses: what is unpacked or mirrored into the cache, and read there."""
