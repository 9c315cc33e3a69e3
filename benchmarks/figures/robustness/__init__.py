"""How the figures of benchmarks/robustness/ are written."""
