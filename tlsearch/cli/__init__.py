"""The command line: one module a command; each imports what it calls when it is called."""
