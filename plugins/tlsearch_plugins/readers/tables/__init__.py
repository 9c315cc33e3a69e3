"""Tables of images and labels."""
