"""baseline: the same task from random initial values, trained as well as the time allows."""

from __future__ import annotations

from tlsearch.pipeline.baseline.result import BaselineResult, scratch_of
from tlsearch.pipeline.baseline.train import RATES, train_baseline

__all__ = [
    "RATES",
    "BaselineResult",
    "scratch_of",
    "train_baseline",
]
