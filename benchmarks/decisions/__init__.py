"""Whether a run chooses, stops and claims rightly, where the truth is known."""
