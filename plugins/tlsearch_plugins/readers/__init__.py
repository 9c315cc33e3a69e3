"""The built-in readers: what a source of labelled images holds."""
