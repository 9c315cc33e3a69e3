"""Tests of a difference: of two models on the same images, and of errors that lie in a few classes.

Two models are compared by random exchanges of their predictions, for any metric, or by McNemar's test, which is exact
and needs no exchanges, for accuracy on independent images. Where images come in groups (one patient, near-duplicates),
whole groups are exchanged, because images of a group are not independent.

Reference: Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13 (2013) 91.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.metrics import as_labels, score_counts
from tlsearch.types import BoolArray, Float64Array, LabelArray

_CHUNK = 4_000_000
"""Numbers in one block of exchanges: 32 MB."""

FEWEST_DISCORDANT = 6
"""Below this many discordant pairs, or groups, even a one-sided split gives p > 0.03, so no p-value is stated."""


def paired_permutation(
    y: npt.ArrayLike,
    pair: tuple[npt.ArrayLike, npt.ArrayLike],
    metric: CountMetric,
    n: int = 9999,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> float:
    """Two-sided p-value for "both models are as good".

    It is the share of ``n`` random exchanges of the predictions of the ``pair``, image by image or group by group, that
    differ at least as much. Never below 1 / (n + 1).
    """
    truth, one, two = as_labels(y, *pair)
    units = _Units.of(truth, (one, two), groups)
    support = _total(units.support)
    right, predicted = ([_total(table) for table in tables] for tables in (units.right, units.predicted))
    observed = abs(
        score_counts(right[0], support, predicted[0], metric) - score_counts(right[1], support, predicted[1], metric)
    )
    swap_right, swap_predicted = units.right[1] - units.right[0], units.predicted[1] - units.predicted[0]
    # Only units whose predictions differ can change anything.
    matter = np.flatnonzero(abs(swap_right).sum(axis=1) + abs(swap_predicted).sum(axis=1))
    swap_right, swap_predicted = swap_right[matter], swap_predicted[matter]
    rng = np.random.default_rng(seed)
    extreme = 0
    for size in _blocks(n, max(1, len(matter))):
        exchange = rng.integers(0, 2, (size, len(matter))).astype(np.float64)
        hits, predictions = exchange @ swap_right, exchange @ swap_predicted
        one_score = score_counts(right[0] + hits, support, predicted[0] + predictions, metric)
        two_score = score_counts(right[1] - hits, support, predicted[1] - predictions, metric)
        extreme += int((abs(one_score - two_score) >= observed - 1e-12).sum())
    return (1 + extreme) / (n + 1)


def mcnemar_midp(b: int, c: int) -> float | None:
    """Two-sided p-value of McNemar's mid-p test for discordant counts ``b`` and ``c``.

    None where b + c < 6: too few to say anything. Fagerland et al. 2013: twice the binomial tail, counting
    only half of the probability of what was observed.
    """
    if b + c < FEWEST_DISCORDANT:
        return None
    from scipy.stats import binom

    fewer, pairs = min(b, c), b + c
    observed = float(binom.pmf(fewer, pairs, 0.5))
    if b == c:
        return 1 - observed / 2
    return 2 * float(binom.cdf(fewer, pairs, 0.5)) - observed


def concentrated_errors(
    errors: npt.ArrayLike, images: npt.ArrayLike, most: int = 2, n: int = 1999, seed: int = 0
) -> tuple[tuple[int, ...], float]:
    """The classes that have the most errors beyond their share, and the p-value for "every image is as hard".

    Of any few errors, some classes have the most. What a class has beyond its share is counted in standard deviations
    of random placements of the errors on the images (multivariate hypergeometric). The p-value is the share of ``n``
    such placements in which the ``most`` classes that are furthest beyond it are as far together as here. Never below
    1 / (n + 1).

    Args:
        errors: Errors of each class, (classes,).
        images: Images of each class, (classes,), no fewer than its errors.
        most: How many classes are named.
        n: Random placements.
        seed: Of these.

    Returns:
        The positions of the classes, that furthest beyond its share first, none that has no more than its share; and
        the p-value.
    """
    wrong, all_images = np.asarray(errors, np.int64), np.asarray(images, np.int64)
    total, count = int(wrong.sum()), int(all_images.sum())
    share = all_images / count
    spread = np.sqrt(np.maximum(total * share * (1 - share) * (count - total) / max(1, count - 1), 1e-12))

    def beyond(placed: npt.NDArray[np.int64]) -> Float64Array:
        return np.asarray((placed - total * share) / spread, np.float64)

    order = np.argsort(-beyond(wrong), kind="stable")[:most]
    rng = np.random.default_rng(seed)
    placed = rng.multivariate_hypergeometric(all_images, total, size=n, method="marginals")
    as_far = np.sort(beyond(placed), axis=1)[:, -most:].sum(axis=1) >= beyond(wrong)[order].sum() - 1e-9
    named = tuple(int(place) for place in order if beyond(wrong)[place] > 0)
    return named, (1 + int(as_far.sum())) / (n + 1)


def _total(table: Any) -> Float64Array:
    return np.asarray(table.sum(axis=0), dtype=np.float64).reshape(-1)


@dataclass(frozen=True)
class _Units:
    """What is exchanged, images or groups, as counts by class in sparse tables of shape (units, classes)."""

    support: Any
    right: tuple[Any, Any]
    predicted: tuple[Any, Any]

    @classmethod
    def of(cls, y: LabelArray, models: tuple[LabelArray, LabelArray], groups: npt.ArrayLike | None) -> _Units:
        from scipy.sparse import csr_array

        classes = int(max(labels.max() for labels in (y, *models))) + 1
        unit = np.arange(len(y)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]

        def table(labels: LabelArray, kept: BoolArray | None = None) -> Any:
            ones = np.ones(len(y)) if kept is None else kept.astype(np.float64)
            return csr_array((ones, (unit, labels)), shape=(int(unit.max()) + 1, classes))

        first, second = models
        right = (table(y, first == y), table(y, second == y))
        return cls(table(y), right, (table(first), table(second)))


def _blocks(n: int, width: int) -> Iterator[int]:
    size = max(1, _CHUNK // width)
    for start in range(0, n, size):
        yield min(size, n - start)
