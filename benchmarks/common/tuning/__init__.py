"""Trials that tune layers as a run does, and averages of what they give."""
