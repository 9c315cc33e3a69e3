"""The efficient ones of several models: those than which no other is as good in everything and better in something."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.types import BoolArray


def efficient(values: npt.ArrayLike) -> BoolArray:
    """Give which rows of ``values``, shape (N, M), are on the Pareto front, bool of shape (N,).

    In every column the greater value is the better one. Of equal rows all are on the front. A row with a value that is
    not a number is not on it, and keeps no other from it.
    """
    table = np.asarray(values, np.float64)
    known = ~np.isnan(table).any(axis=1)
    no_worse = (table[:, None] >= table[None]).all(axis=2)
    better = (table[:, None] > table[None]).any(axis=2)
    return np.asarray(known & ~(no_worse & better).any(axis=0))
