"""The built-in callbacks: the checkpoint, the record in MLflow and the reporter; and the list that tells them all."""
