"""Which pictures look alike, and whether that says that they belong together."""
