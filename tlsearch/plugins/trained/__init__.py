"""Weights that were trained on this machine, or carried here from another one."""
