"""tlsearch: find the best way to reuse a pre-trained network for a folder of images."""
