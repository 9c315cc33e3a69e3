"""Benchmarks of tlsearch: what it costs, what it finds, and whether its figures hold. README.md lists them all."""
