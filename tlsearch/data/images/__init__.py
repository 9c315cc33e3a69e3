"""Files of pictures to pixels: read, decoded, squared, kept."""
