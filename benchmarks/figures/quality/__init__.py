"""How the figures of benchmarks/quality/ are written."""
