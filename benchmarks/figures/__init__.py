"""How the figures of a result are written in README.md and docs/: one function a group of figures."""
