"""Heat maps compared with each other."""
