"""A model as a file that other programs run, with a proof that it gives the same answers."""
