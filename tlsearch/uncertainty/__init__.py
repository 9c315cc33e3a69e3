"""What a model does not know of a picture: which classes it may be, and whether it is like the training images."""
