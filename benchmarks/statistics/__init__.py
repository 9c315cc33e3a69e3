"""Whether intervals, p-values and insights say the truth, where the truth is known."""
