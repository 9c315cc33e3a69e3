"""Searches on many workers in virtual time, with trials that are drawn from recorded ones."""
