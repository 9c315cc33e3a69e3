"""What a finished model is worth in use: exported, served, watched, and asked why and where."""
