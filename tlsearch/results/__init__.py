"""The result of a run: its records and the files that keep them."""
