"""Whether a run survives what happens to it: being killed, and going on for long."""
