"""Every record of ``result.json``."""
