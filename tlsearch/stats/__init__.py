"""Metrics, intervals, tests and other calculations on plain arrays: NumPy and SciPy only; knows no run."""
