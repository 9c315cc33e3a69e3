"""What a model folder holds."""

from __future__ import annotations

from tlsearch.errors import UsageError

MODEL_FILE = "model.keras"
LABELS_FILE = "labels.json"
CONFIG_FILE = "config.json"


class ModelError(UsageError):
    """A folder that does not hold a model which tlsearch can use."""
