"""Bootstrap intervals and a permutation test for macro metrics, over images or over groups of images.

Where images come in groups (one patient, near-duplicates), whole groups are drawn and exchanged, because
images of a group are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.config import Metric
from tlsearch.results.scores import Floats, Labels, as_labels, score_counts
from tlsearch.results.statistics import tango, wilson

_CHUNK = 4_000_000
"""Numbers in one block of resampling weights: 32 MB."""


def stratified_bootstrap(
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    metric: Metric,
    level: float = 0.95,
    n: int = 2000,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """Percentile interval of ``metric`` from ``n`` resamples within classes (of whole groups where given).

    A class of m units is drawn m - 1 times (Rao and Wu, J. Am. Stat. Assoc. 83 (1988) 231): drawing m times
    makes intervals too narrow where classes are small. Where no resample differs (everything right, or
    wrong), the bootstrap knows nothing and Wilson's interval for that many units is given.
    """
    truth, guess = as_labels(y, predicted)
    units = _Units.of(truth, (guess,), groups)
    draws = units.resample(n, seed, lambda counts: units.score(counts, 0, metric))
    if np.ptp(draws) < 1e-12:
        return wilson(round(float(draws[0])) * units.count, units.count, level)
    return _percentiles(draws, level)


def paired_bootstrap(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric,
    level: float = 0.95,
    n: int = 2000,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """Percentile interval of ``metric`` of ``first`` minus that of ``second``, both resampled together.

    As ``stratified_bootstrap``; where no resample differs, Tango's interval for that many equal pairs is laid
    around the difference.
    """
    truth, one, two = as_labels(y, first, second)
    units = _Units.of(truth, (one, two), groups)
    draws = units.resample(n, seed, lambda counts: units.score(counts, 0, metric) - units.score(counts, 1, metric))
    if np.ptp(draws) < 1e-12:
        low, high = tango(0, 0, units.count, level)
        return max(-1.0, float(draws[0]) + low), min(1.0, float(draws[0]) + high)
    return _percentiles(draws, level)


def paired_permutation(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric,
    n: int = 9999,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> float:
    """Two-sided p-value for "both models are as good": the share of ``n`` random exchanges of the two models'
    answers, image by image or group by group, that differ at least as much. Never below 1 / (n + 1)."""
    truth, one, two = as_labels(y, first, second)
    units = _Units.of(truth, (one, two), groups)
    total = units.totals()
    change = units.right[1] - units.right[0], units.called[1] - units.called[0]
    # Only units whose answers differ can change anything.
    matter = np.flatnonzero(abs(change[0]).sum(axis=1) + abs(change[1]).sum(axis=1))
    right, called = (table[matter] for table in change)
    observed = abs(units.score(total, 0, metric) - units.score(total, 1, metric))
    rng = np.random.default_rng(seed)
    extreme = 0
    for size in _blocks(n, max(1, len(matter))):
        exchange = rng.integers(0, 2, (size, len(matter))).astype(np.float64)
        hit, told = exchange @ right, exchange @ called
        one_score = score_counts(total.right[0] + hit, total.support, total.called[0] + told, metric)
        two_score = score_counts(total.right[1] - hit, total.support, total.called[1] - told, metric)
        extreme += int((abs(one_score - two_score) >= observed - 1e-12).sum())
    return (1 + extreme) / (n + 1)


@dataclass(frozen=True)
class _Counts:
    """Counts per class, shape (..., K): one ``right`` and one ``called`` for each model."""

    support: Floats
    right: tuple[Floats, ...]
    called: tuple[Floats, ...]


@dataclass(frozen=True)
class _Units:
    """What is resampled: images or groups. The tables are sparse, (units, classes); ``stratum`` is
    (units,)."""

    support: Any
    right: tuple[Any, ...]
    called: tuple[Any, ...]
    stratum: Labels
    count: int

    @classmethod
    def of(cls, y: Labels, models: tuple[Labels, ...], groups: npt.ArrayLike | None) -> _Units:
        from scipy.sparse import csr_array

        classes = int(max(labels.max() for labels in (y, *models))) + 1
        unit = np.arange(len(y)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        count = int(unit.max()) + 1

        def table(labels: Labels, weights: npt.NDArray[np.bool_] | None = None) -> Any:
            ones = np.ones(len(y)) if weights is None else weights.astype(np.float64)
            return csr_array((ones, (unit, labels)), shape=(count, classes))

        support = table(y)
        return cls(
            support,
            tuple(table(y, guess == y) for guess in models),
            tuple(table(guess) for guess in models),
            # A group's stratum is the class that most of its images have.
            np.asarray(support.argmax(axis=1)).reshape(-1),
            count,
        )

    def totals(self) -> _Counts:
        return self.weighted(np.ones((1, self.count)))

    def weighted(self, weights: Floats) -> _Counts:
        """The counts under each row of ``weights``, shape (B, units)."""
        return _Counts(
            weights @ self.support,
            tuple(weights @ table for table in self.right),
            tuple(weights @ table for table in self.called),
        )

    def score(self, counts: _Counts, model: int, metric: Metric) -> Floats:
        return score_counts(counts.right[model], counts.support, counts.called[model], metric)

    def resample(self, n: int, seed: int, statistic: Callable[[_Counts], Floats]) -> Floats:
        """``statistic`` of ``n`` stratified resamples, shape (n,)."""
        rng = np.random.default_rng(seed)
        strata = [np.flatnonzero(self.stratum == stratum) for stratum in np.unique(self.stratum)]
        draws = []
        for size in _blocks(n, self.count):
            weights = np.zeros((size, self.count))
            for members in strata:
                times = max(1, len(members) - 1)
                chosen = rng.multinomial(times, np.full(len(members), 1 / len(members)), size)
                # Fewer draws stand for the whole stratum, so that strata keep their proportions.
                weights[:, members] = chosen * (len(members) / times)
            draws.append(statistic(self.weighted(weights)))
        return np.concatenate(draws)


def _blocks(n: int, width: int) -> Iterator[int]:
    size = max(1, _CHUNK // width)
    for start in range(0, n, size):
        yield min(size, n - start)


def _percentiles(draws: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
