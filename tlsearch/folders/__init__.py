"""What lies in a folder: which entries are meant, which are not, and what a file is by its first bytes."""
