"""What a model answers about things that may be pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tlsearch.predictor import Predictor

Array = np.ndarray[Any, Any]


def noise(*shape: int, high: int = 256, dtype: Any = np.uint8) -> Array:
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


def equal(predictor: Predictor, one: Any, other: Any) -> bool:
    """Whether two pictures have the same pixels for the model, as answers show."""
    first, second = predictor.probabilities([one]), predictor.probabilities([other])
    assert np.isfinite(first).all()
    return bool((first == second).all())


def problem(predictor: Predictor, item: Any) -> str:
    """Why something inside a list cannot be read."""
    (found,) = predictor.predict([item])
    assert found.error is not None
    assert (found.label, found.probability, found.top) == (None, None, ())
    assert "\n" not in found.error
    return found.error


def png(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (9, 7), colour).save(stream, "PNG")
    return stream.getvalue()
