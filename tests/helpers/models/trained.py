"""The provenance of weights that were never trained."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tlsearch.plugins.trained.record import TrainedWeights


def trained_record(file: Path | None = None, **changes: Any) -> TrainedWeights:
    """The provenance of tiny@stripes, whose weights are in ``file``; ``changes`` are fields of it."""
    content = b"" if file is None else file.read_bytes()
    fields: dict[str, Any] = {
        "backbone": "tiny",
        "name": "stripes",
        "dataset": "stripes",
        "fingerprint": "f" * 16,
        "classes": ("ash", "birch", "cedar"),
        "images": 1200,
        "held_out": 300,
        "accuracy": 0.912,
        "accuracy_ci95": (0.875, 0.939),
        "image_size": 32,
        "epochs": 4.5,
        "learning_rate": 0.003,
        "started_from": "random values",
        "seed": 0,
        "licence": "CC0",
        "trained_by": "tlsearch 0.1.0",
        "plugin": "tiny-backbone 1.5",
        "trained_at": "2026-11-29T18:00:00+00:00",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return TrainedWeights(**{**fields, **changes})
