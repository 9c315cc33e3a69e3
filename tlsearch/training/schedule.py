"""The learning rate of every trained trial, warm-up and cosine to zero, and how much training is behind an epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises linearly to its peak."""


def warm_up_cosine(step: int, steps: int) -> float:
    """Give the share of the peak learning rate in ``step`` (from 0) of ``steps``.

    It rises from one part in w linearly to 1 in the w steps of the warm-up, and falls along half a cosine to 0.
    """
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        start = 1 / warm_up
        return start + (1 - start) * step / warm_up
    decay_steps = max(1, steps - warm_up)
    return 0.5 * (1 + math.cos(math.pi * min(step - warm_up, decay_steps) / decay_steps))


def amount_trained(epochs: Sequence[float], last: float) -> list[float]:
    """Say how much training stands behind each of ``epochs`` of a schedule that ends after ``last`` epochs.

    It is the sum of the learning rates until then (the integral of ``warm_up_cosine``), in epochs at the peak learning
    rate. A whole schedule has half as much as it has epochs, however long it is.
    """
    return [last * _integral(min(1.0, epoch / last)) for epoch in epochs]


def _integral(share: float) -> float:
    """The integral over a share of the schedule."""
    if share < WARM_UP:
        return share**2 / (2 * WARM_UP)
    decayed = (share - WARM_UP) / (1 - WARM_UP)
    return WARM_UP / 2 + (1 - WARM_UP) * (decayed / 2 + math.sin(math.pi * decayed) / (2 * math.pi))
