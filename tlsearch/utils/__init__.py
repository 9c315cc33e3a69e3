"""Files, folders, serialization, signals and units: helpers that know nothing of a run."""
