"""Tests of whether two sets of pictures come from one distribution: of their features, and of their predicted classes.

References: Gretton, Borgwardt, Rasch, Schoelkopf and Smola, "A kernel two-sample test", JMLR 13 (2012) 723; Rabanser,
Guennemann and Lipton, "Failing loudly", NeurIPS 2019 (which compares such tests on pictures and finds the kernel test
of features strong); the G-test of a table of counts (Agresti, Categorical Data Analysis, 2013, 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.types import Float32Array, Float64Array, IntArray

PERMUTATIONS = 999
"""The smallest p-value is one in so many and one."""

FEWEST_EXPECTED = 5
"""Where fewer pictures are expected in a cell of a table, tables are drawn instead of the approximation."""


@dataclass(frozen=True, kw_only=True)
class TwoSampleTest:
    """By how much two sets of pictures differ, and how easily chance alone gives as much."""

    distance: float
    p_value: float


def compare_features(first: Float32Array, second: Float32Array, seed: int = 0) -> TwoSampleTest:
    """Test whether features (M, d) and (N, d) come from one distribution, by the maximum mean discrepancy.

    The kernel is Gaussian, as wide as the median distance of all pairs. The p-value is that of a permutation test, for
    which pictures are independent.
    """
    both = np.concatenate([first, second]).astype(np.float32)
    kernel = _gaussian(both)
    signs = np.concatenate([np.full(len(first), 1 / len(first)), np.full(len(second), -1 / len(second))])
    rng = np.random.default_rng(seed)
    drawn = [signs, *(rng.permutation(signs) for _ in range(PERMUTATIONS))]
    weights = np.stack(drawn, axis=1).astype(np.float32)
    squares = np.einsum("ij,ij->j", weights, kernel @ weights, dtype=np.float64)
    seen, chance = float(squares[0]), squares[1:]
    p_value = (1 + int((chance >= seen * (1 - 1e-6)).sum())) / (PERMUTATIONS + 1)
    return TwoSampleTest(distance=float(np.sqrt(max(0.0, seen))), p_value=p_value)


def _gaussian(values: Float32Array) -> Float32Array:
    lengths = (values**2).sum(axis=1)
    squares = np.maximum(lengths[:, None] + lengths - 2 * values @ values.T, 0)
    apart = squares[np.triu_indices(len(values), 1)]
    width = float(np.median(apart)) if len(apart) else 1.0
    return np.asarray(np.exp(-squares / max(width, 1e-12)), np.float32)


def compare_counts(first: IntArray, second: IntArray, seed: int = 0) -> TwoSampleTest:
    """Test whether two counts of the same classes, shape (C,) each, have the same shares, by the G-test.

    The distance is the total variation: the share of pictures that would need another class. Where few pictures are
    expected in a class, the p-value comes from tables with the same sums that are drawn at random.
    """
    table = np.stack([first, second]).astype(np.int64)
    table = table[:, table.sum(axis=0) > 0]
    shares = table / table.sum(axis=1, keepdims=True).clip(1)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return TwoSampleTest(distance=distance, p_value=1.0)
    return TwoSampleTest(distance=distance, p_value=_g_test(table, seed))


def _g_test(table: IntArray, seed: int) -> float:
    from scipy.stats import chi2, random_table

    rows, columns = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, columns) / table.sum()
    seen = float(_g(table[None], expected)[0])
    if expected.min() >= FEWEST_EXPECTED:
        return float(chi2.sf(seen, table.shape[1] - 1))
    drawn = random_table(rows, columns).rvs(PERMUTATIONS, random_state=np.random.default_rng(seed))
    return (1 + int((_g(drawn, expected) >= seen - 1e-9).sum())) / (PERMUTATIONS + 1)


def _g(tables: npt.NDArray[np.generic], expected: Float64Array) -> Float64Array:
    """The statistic of each of the tables (N, 2, C)."""
    counts = np.asarray(tables, np.float64)
    ratio = np.divide(counts, expected, out=np.ones_like(counts), where=counts > 0)
    return np.asarray(2 * (counts * np.log(ratio)).sum(axis=(1, 2)))


def surprising_count(count: int, pictures: int, held_out: int, false_alarms: float) -> float:
    """How easily chance alone calls so many pictures unlike the training images: a one-sided p-value.

    Under exchangeability the number of ``pictures`` that lie beyond the r-th largest of ``held_out`` distances is
    beta-binomial, whatever the distances are.
    """
    from scipy.stats import betabinom

    rank = max(1, int(false_alarms * (held_out + 1) * (1 + 1e-9)))
    return float(betabinom.sf(count - 1, pictures, rank, held_out + 1 - rank))
