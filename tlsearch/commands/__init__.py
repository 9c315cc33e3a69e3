"""The commands of the command line, one file each; they import what they call when they are called."""
