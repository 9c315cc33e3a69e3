"""How fast and how large a model is."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tlsearch.predictor.folder import MODEL_FILE
from tlsearch.predictor.predictor import Predictor


def measure_latency(predictor: Predictor, repeats: int = 20) -> float:
    """Milliseconds that the model takes for one image alone; decoding the file is not in it.

    It is the median of ``repeats`` batches of one, after two that are not counted.
    """
    image = np.zeros((1, predictor.image_size, predictor.image_size, 3), np.float32)
    seconds = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        predictor.model.predict_on_batch(image)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[2:])) * 1000


def model_megabytes(model_dir: Path | str) -> float:
    """The size of the model's file in millions of bytes."""
    return (Path(model_dir) / MODEL_FILE).stat().st_size / 1e6
