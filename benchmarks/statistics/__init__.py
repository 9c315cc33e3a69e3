"""Whether intervals, p-values and findings say the truth, where the truth is known."""
