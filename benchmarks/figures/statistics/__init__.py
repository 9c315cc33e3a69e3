"""How the figures of benchmarks/statistics/ are written."""
