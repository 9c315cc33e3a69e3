"""The network itself: batches of pixels in, an answer for each picture out, from any thread."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.errors import UsageError
from tlsearch.plugins.api import Images
from tlsearch.types import Float32Array
from tlsearch.uncertainty.inner_features import with_inner_features
from tlsearch.uncertainty.reference import TrainingReference

_FORKED = (
    "A model was loaded before this process was forked, and TensorFlow would wait for ever in it: load the model in "
    "each process, and start processes with multiprocessing's method spawn."
)

_loaded_in: set[int] = set()


def require_unforked() -> None:
    """Raise ``UsageError`` in a process that was forked from one that has loaded a model."""
    if _loaded_in and os.getpid() not in _loaded_in:
        raise UsageError(_FORKED)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the network says of one picture.

    Attributes:
        probabilities: Of every class, in the order of the outputs, as the network gives them: (classes,).
        features: What is compared with the training images: (d,); None where nothing is compared.
        distance: How far they are from the training images; None where nothing is compared.
    """

    probabilities: npt.NDArray[np.float64]
    features: Float32Array | None = None
    distance: float | None = None


class LoadedModel:
    """A loaded model that answers batches.

    Threads may share it: they take turns, which costs nothing, as one batch keeps all cores busy. A process that was
    forked from one that has loaded a model may use none, for the threads of TensorFlow do not live on there.

    Args:
        model: The Keras model.
        reference: What pictures are compared with; None for nothing.
    """

    def __init__(self, model: Any, reference: TrainingReference | None = None) -> None:
        self.model = model
        self.reference = reference
        _loaded_in.add(os.getpid())
        self._turn = Lock()

    def answers(self, images: Images, batch_size: int, *, compare: bool = True) -> list[Answer]:
        """Answer at most ``batch_size`` pictures, which are uint8 or float 0..255 of shape (N, S, S, 3).

        ``compare`` says whether to compare them with the training images, where there is something to compare with.

        A batch of several pictures is filled up to a full one, so that it is compiled for one shape only. Raises
        ``UsageError`` in a process that was forked from the one that loaded the model.
        """
        require_unforked()
        missing = max(0, batch_size - len(images)) if len(images) > 1 else 0
        filled = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
        reference = self.reference if compare else None
        with self._turn:
            model = self.model if reference is None else self._comparing
            outputs = model.predict_on_batch(filled.astype(np.float32))
        if reference is None:
            return [Answer(probabilities=row) for row in np.asarray(outputs, dtype=np.float64)[: len(images)]]
        rows, features = (np.asarray(output)[: len(images)] for output in outputs)
        embedded, distances = reference.embed(features), reference.distances(features)
        return [
            Answer(probabilities=row, features=vector, distance=float(distance))
            for row, vector, distance in zip(rows.astype(np.float64), embedded, distances, strict=True)
        ]

    @cached_property
    def _comparing(self) -> Any:
        """The model with the features that are compared as a second output."""
        assert self.reference is not None, "there is nothing to compare with"
        return with_inner_features(self.model, self.reference.layers)
