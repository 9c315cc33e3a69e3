"""What is compared at equal seconds: each module trains on a folder in a process of its own, and predicts another."""
