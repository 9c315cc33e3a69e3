"""Averages of weights: over the last steps of a trial, and over trials that share what they started from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = Sequence[npt.NDArray[Any]]
"""The values of the variables of a model, in their order."""


class MovingAverage:
    """The exponential moving average of the weights of a model in training (Polyak & Juditsky 1992).

    The newest ``horizon`` updates count for 63 % of it. The first ones count as TensorFlow's
    ``ExponentialMovingAverage`` has it: with ``n`` updates behind it the average moves by at least 9 / (10 + n) of the
    way, so that the weights from before training are soon forgotten.
    """

    def __init__(self, horizon: float) -> None:
        """Begin without weights; ``horizon`` is at least 1."""
        self._share, self._updates = 1 / horizon, 0
        self.weights: list[npt.NDArray[Any]] = []

    def update(self, weights: Weights) -> None:
        """Take in the weights after a step, or after a few."""
        if not self.weights:
            self.weights = [np.array(values) for values in weights]
        share = max(self._share, 9 / (10 + self._updates))
        for average, values in zip(self.weights, weights, strict=True):
            average += np.float32(share) * (values - average)
        self._updates += 1


def mean_of(members: Sequence[Weights]) -> list[npt.NDArray[Any]]:
    """The plain average of the weights of several models."""
    return [np.asarray(np.stack(values).mean(axis=0)) for values in zip(*members, strict=True)]


def greedy_soup(
    members: Sequence[Weights], judge: Callable[[Weights], float]
) -> tuple[list[npt.NDArray[Any]], tuple[int, ...]]:
    """The greedy soup of Wortsman et al. (ICML 2022).

    Beginning with the first, each model in turn is averaged in, and stays where the average is no worse by that.

    Args:
        members: The weights of the models, the best by validation first.
        judge: Gives what is to be high, on validation images.

    Returns:
        The average, and the places of the models that are in it.
    """
    chosen, best = [0], judge(members[0])
    for place in range(1, len(members)):
        score = judge(mean_of([members[number] for number in (*chosen, place)]))
        if score >= best:
            chosen, best = [*chosen, place], score
    return mean_of([members[number] for number in chosen]), tuple(chosen)
