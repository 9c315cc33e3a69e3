"""How the figures of benchmarks/use/ are written."""
