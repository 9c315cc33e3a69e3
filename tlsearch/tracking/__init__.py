"""The record of a run in MLflow; the only package that imports MLflow."""
