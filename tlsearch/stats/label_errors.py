"""LabelArray that look wrong, by probabilities of models that had not seen the images.

Reference: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", J. Artif.
Intell. Res. 70 (2021) 1373. Their count of label errors is used as it is; for the order, the probability of the given
label alone (their "self-confidence") finds more planted errors than margins or than the counted images first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.types import Float64Array, LabelArray


@dataclass(frozen=True)
class SuspectLabel:
    """The image at ``position``, of the class ``given``, looks as if it belonged to ``suggested``."""

    position: int
    given: int
    suggested: int


def rank_suspects(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> list[SuspectLabel]:
    """Images for which another class is the most probable, those first whose own class is least probable.

    ``probabilities`` (N, classes) are out of fold, ``labels`` (N,); rows that are not finite are passed over.
    """
    p, given, known = _known(probabilities, labels)
    predictions = p.argmax(axis=1)
    own = p[np.arange(len(p)), given]
    order = [place for place in np.argsort(own, kind="stable") if predictions[place] != given[place]]
    return [SuspectLabel(int(known[place]), int(given[place]), int(predictions[place])) for place in order]


def count_errors(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> int:
    """How many labels confident learning counts as wrong.

    These are the images of which another class is at least as probable as it is on average for the images that bear its
    label, and the most probable class of which that is true.
    """
    p, given, _ = _known(probabilities, labels)
    usual = np.full(p.shape[1], np.inf)
    for label in np.unique(given):
        usual[label] = p[given == label, label].mean()
    confident = np.where(p >= usual, p, -1.0)
    return int(((confident.max(axis=1) >= 0) & (confident.argmax(axis=1) != given)).sum())


def _known(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Float64Array, LabelArray, LabelArray]:
    """Finite rows, their labels and their positions."""
    p, given = np.asarray(probabilities, np.float64), np.asarray(labels, np.intp)
    known = np.flatnonzero(np.isfinite(p).all(axis=1))
    return p[known], given[known], known
