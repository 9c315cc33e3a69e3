"""How the figures of benchmarks/decisions/ are written."""
