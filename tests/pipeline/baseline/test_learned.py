"""What the curve of a network from scratch says of the rest of its schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from tests.helpers.pipeline.contexts import make_data
from tlsearch.pipeline.baseline.learned import expected_rise
from tlsearch.training.schedule import amount_trained
from tlsearch.types import AVERAGED

EPOCHS = range(1, 31)


def history(own: float, averaged: float, averaged_after: Sequence[int]) -> list[dict[str, float]]:
    """30 epochs whose scores gain ``own`` with every doubling of the training, and those of averages ``averaged``."""
    doublings = [math.log2(amount) for amount in amount_trained(EPOCHS, 30)]
    found = [{"epoch": float(n), "objective": 0.3 + own * x} for n, x in zip(EPOCHS, doublings, strict=True)]
    for n in averaged_after:
        found[n - 1][AVERAGED] = 0.3 + averaged * doublings[n - 1]
    return found


def rise(curve: list[dict[str, float]]) -> float:
    """The rise until 60 epochs, which is one doubling; a tenth is added to it."""
    found = expected_rise(make_data((0, 1) * 80, val=range(120, 160)), curve, 30, 60)
    assert found is not None
    return found.gain / 1.1


def test_the_rise_is_that_of_averaged_weights() -> None:
    assert rise(history(0.08, 0.03, range(12, 31, 2))) == pytest.approx(0.03)


def test_where_too_few_averages_were_validated_it_is_that_of_the_weights() -> None:
    assert rise(history(0.08, 0.03, range(24, 31))) == pytest.approx(0.08)  # seven
    assert rise(history(0.08, 0.03, ())) == pytest.approx(0.08)
