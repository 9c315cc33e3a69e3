"""Training and scoring one trial."""
