"""When more trials are not worth their time: what they could gain is less than the validation images can show.

The idea is that of automatic termination (Makarova et al., Automatic termination for hyperparameter optimization,
AutoML 2022): a search ends where its possible regret lies below the error of the validation figure. The rule for the
regret is a simpler one. Above a high value, the values of trials fall off about exponentially (the tail of most
distributions; Pickands 1975). With the mean excess e of the best few over the next one, the best of n + m trials is
expected to lie e ln((n + m) / n) above the best of n. benchmarks/decisions/early_stop.py says what that costs and
saves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TAIL = 5
"""The best trials, whose excess over the next one tells how fast values fall off."""

FEWEST = 12
"""Trials before which nothing is concluded."""

WORTH = 0.01
"""A gain below one point is not worth more trials, however many images could show it."""

DISAGREEMENT = 0.1
"""The share of images about which two good trials disagree, about: the error of their difference comes from it."""


@dataclass(frozen=True)
class EarlyStop:
    """The rule for a search of at most ``trials`` trials on ``images`` validation images."""

    trials: int
    images: int

    @property
    def visible(self) -> float:
        """The least difference that is worth looking for: one that can be seen, and is worth anything."""
        return min(WORTH, math.sqrt(DISAGREEMENT / self.images))

    def expected_gain(self, values: Sequence[float]) -> float:
        """What the rest of the trials would add to the best of ``values``, of which the greater are better.

        ``math.inf`` where there are too few to tell.
        """
        if len(values) < FEWEST:
            return math.inf
        best = np.sort(np.asarray(values, np.float64))[::-1][: TAIL + 1]
        excess = float((best[:-1] - best[-1]).mean())
        return excess * math.log(max(self.trials, len(values)) / len(values))

    def is_enough(self, values: Sequence[float]) -> bool:
        """Whether the rest of the trials could not add anything that is worth looking for."""
        return self.expected_gain(values) < self.visible
