"""The efficient ones of several models: those than which no other is as good in everything and better in something."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.types import BoolArray


def efficient(values: npt.ArrayLike, slack: npt.ArrayLike = 0.0) -> BoolArray:
    """Give which rows of ``values``, shape (N, M), are on the Pareto front, bool of shape (N,).

    In every column the greater value is the better one; by ``slack``, one number or one for each column, values may
    differ and be as good. Of equal rows all are on the front. A row with a value that is not a number is not on it, and
    keeps no other from it.
    """
    table, apart = np.asarray(values, np.float64), np.asarray(slack, np.float64)
    known = ~np.isnan(table).any(axis=1)
    no_worse = (table[:, None] >= table[None] - apart).all(axis=2)
    better = (table[:, None] > table[None] + apart).any(axis=2)
    return np.asarray(known & ~(no_worse & better).any(axis=0))
