"""How the figures of benchmarks/speed/ are written."""
