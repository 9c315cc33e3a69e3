"""The same trials by a plain Keras loop and by tlsearch: their images, their trials, their times."""
