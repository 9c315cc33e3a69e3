"""The network itself: batches of pixels in, an answer for each picture out, from any thread."""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.errors import UsageError
from tlsearch.plugins.api import Images

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
    """

    probabilities: npt.NDArray[np.float64]


class Network:
    """A loaded model that answers batches.

    Threads may share it: they take turns, which costs nothing, as one batch keeps all cores busy. A process that was
    forked from one that has loaded a model may use none, for the threads of TensorFlow do not live on there.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        _loaded_in.add(os.getpid())
        self._turn = Lock()

    def answers(self, images: Images, batch_size: int) -> list[Answer]:
        """Answer at most ``batch_size`` pictures, which are uint8 or float 0..255 of shape (N, S, S, 3).

        A batch of several pictures is filled up to a full one, so that it is compiled for one shape only. Raises
        ``UsageError`` in a process that was forked from the one that loaded the model.
        """
        require_unforked()
        missing = max(0, batch_size - len(images)) if len(images) > 1 else 0
        filled = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
        with self._turn:
            told = self.model.predict_on_batch(filled.astype(np.float32))
        rows = np.asarray(told, dtype=np.float64)[: len(images)]
        return [Answer(probabilities=row) for row in rows]
