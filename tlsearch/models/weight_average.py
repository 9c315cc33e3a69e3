"""A moving average of a model's weights.

While the learning rate is high, weights vary around what the model has learned, and its score is lower than that of a
schedule that ends there. Their average shows on the way what otherwise only the end of a schedule shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

GAMMA = 8.0
"""How little old weights count: about the last ninth of the steps is averaged."""


class WeightAverage:
    """The polynomial-decay average of the weights of a model, BatchNorm's statistics among them.

    After step t the average moves by the share (gamma + 1) / (gamma + t) towards the weights (Shamir & Zhang 2013,
    Stochastic gradient descent for non-smooth optimization, with eta as gamma).
    """

    def __init__(self, model: keras.Model) -> None:
        """Begin with the weights that ``model`` has."""
        self._model, self._steps = model, 0
        self._means = model.get_weights()

    def add(self, steps: int) -> None:
        """Take in the weights that the model has after so many more steps."""
        self._steps += steps
        share = min(1.0, steps * (GAMMA + 1) / (GAMMA + self._steps))
        for number, now in enumerate(self._model.get_weights()):
            mean = self._means[number]
            self._means[number] = (mean + np.asarray(share, mean.dtype) * (now - mean)).astype(mean.dtype)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the average, and its own weights back in the end."""
        own = self._model.get_weights()
        self._model.set_weights(self._means)
        try:
            yield
        finally:
            self._model.set_weights(own)
