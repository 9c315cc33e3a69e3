"""How many of the labels that a list of suspects shows are wrong, as measured on errors that were planted.

The figures are those of benchmarks/statistics/label_errors.py, in benchmarks/results/label-errors.json; a test compares
them. docs/explanation/insights.md has all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

Judge = Literal["winner, all folds", "winner on validation, else probe", "probe"]
"""Who judges the labels: for every image the strongest model that has not seen it."""

LIST = 24
"""Images in the list that the figures are about; shorter ones are better, because the most suspect come first."""

RATES = (0.01, 0.05)
"""Shares of labels that were wrong; a figure is given for both."""

PRECISION: Mapping[Judge, Mapping[int, Mapping[float, tuple[float, float]]]] = {
    "winner, all folds": {
        300: {0.77: (0.1, 0.43), 0.88: (0.11, 0.53), 0.93: (0.13, 0.58), 0.97: (0.26, 0.65), 0.99: (0.47, 0.84)},
        1000: {0.77: (0.24, 0.61), 0.88: (0.31, 0.86), 0.93: (0.37, 0.97), 0.97: (0.41, 1.0), 0.99: (0.5, 1.0)},
        3000: {0.77: (0.49, 0.55), 0.88: (0.74, 0.8), 0.93: (0.84, 0.97), 0.97: (0.95, 1.0), 0.99: (1.0, 1.0)},
    },
    "winner on validation, else probe": {
        300: {0.575: (0.06, 0.28), 0.778: (0.09, 0.45), 0.871: (0.11, 0.52), 0.944: (0.15, 0.6), 0.982: (0.35, 0.71)},
        1000: {0.575: (0.13, 0.46), 0.778: (0.24, 0.64), 0.871: (0.31, 0.87), 0.944: (0.38, 0.98), 0.982: (0.41, 1.0)},
        3000: {0.575: (0.24, 0.53), 0.778: (0.45, 0.56), 0.871: (0.7, 0.73), 0.944: (0.89, 0.99), 0.982: (0.98, 1.0)},
    },
    "probe": {
        300: {0.77: (0.09, 0.43), 0.88: (0.11, 0.52), 0.93: (0.13, 0.59), 0.97: (0.25, 0.67), 0.99: (0.5, 0.86)},
        1000: {0.77: (0.24, 0.62), 0.88: (0.33, 0.88), 0.93: (0.37, 0.97), 0.97: (0.4, 1.0), 0.99: (0.48, 1.0)},
        3000: {0.77: (0.47, 0.55), 0.88: (0.71, 0.8), 0.93: (0.81, 0.96), 0.97: (0.96, 1.0), 0.99: (0.99, 1.0)},
    },
}
"""By judge, number of images and accuracy of the judge over all images: a share for each of ``RATES``."""


def judge_of(by_winner: int, examined: int) -> Judge:
    """Who judged, by how many of the ``examined`` images the winner did."""
    if by_winner == 0:
        return "probe"
    return "winner, all folds" if by_winner == examined else "winner on validation, else probe"


def measured_precision(judge: Judge, images: int, agreement: float) -> tuple[float, float]:
    """Give the share of the list that was wrong, where 1 % and where 5 % of the labels were.

    It is that of the nearest number of ``images``, and of the judge whose accuracy is next below ``agreement``, the
    share of labels that the judge agrees with: where labels are wrong, a judge is better than it agrees.
    """
    sizes = PRECISION[judge]
    by_accuracy = sizes[min(sizes, key=lambda size: abs(float(np.log(size / images))))]
    weaker = [accuracy for accuracy in by_accuracy if accuracy <= agreement]
    return by_accuracy[max(weaker, default=min(by_accuracy))]
