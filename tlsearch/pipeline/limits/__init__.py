"""limits: whether the limits of time and of trials leave room for what a run is there to do; if not, what would."""
