"""MLflow servers: whether one answers, what its answers mean, and where the UI of local records can answer."""
