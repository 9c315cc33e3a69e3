"""What is checked of a metric. Each function is one rule of the contract in ``plugin_api``."""

from __future__ import annotations

import math
import unittest
from collections.abc import Mapping

import numpy as np

from tlsearch.plugins import registry
from tlsearch.plugins.kinds.metric import CountMetric, Metric
from tlsearch.stats.metrics import score
from tlsearch.testing.outcome import Check, needs
from tlsearch.types import Float64Array, LabelArray


def check_contract(plugin: Metric) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("metric", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


@needs(check_contract)
def check_finite(plugin: Metric) -> None:
    """A finite number for any probabilities, one image or many, and with classes that have no image."""
    for count, classes in ((1, 2), (7, 3), (40, 10)):
        labels, probabilities = _predictions(count, classes)
        for truth, what in ((labels, "predictions"), (np.zeros_like(labels), "images that are all of one class")):
            score = plugin.score(truth, probabilities)
            assert math.isfinite(score), f"the score of {count} {what} is {score!r}, which is no finite number"


@needs(check_finite)
def check_pure(plugin: Metric) -> None:
    """The same score the second time, and arguments that are left as they were and may be read-only."""
    labels, probabilities = _predictions(30, 4)
    before = labels.copy(), probabilities.copy()
    labels.setflags(write=False)
    probabilities.setflags(write=False)
    first, again = plugin.score(labels, probabilities), plugin.score(labels, probabilities)
    assert first == again, f"the same predictions score {first} and then {again}"
    unchanged = np.array_equal(labels, before[0]) and np.array_equal(probabilities, before[1])
    assert unchanged, "the labels or probabilities that are given are changed"


@needs(check_finite)
def check_order(plugin: Metric) -> None:
    """The order of the images does not matter."""
    labels, probabilities = _predictions(30, 4)
    order = np.random.default_rng(1).permutation(30)
    one, other = plugin.score(labels, probabilities), plugin.score(labels[order], probabilities[order])
    assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12), f"in another order the score is {other}, not {one}"


@needs(check_finite)
def check_direction(plugin: Metric) -> None:
    """Certain and right predictions score best, certain and wrong ones worse."""
    labels = np.arange(30) % 3
    right, wrong = (np.eye(3)[(labels + shift) % 3] for shift in (0, 1))
    best, worst = plugin.score(labels, right), plugin.score(labels, wrong)
    better = best > worst if plugin.greater_is_better else best < worst
    assert better, (
        f"certain predictions score {best} where all are right and {worst} where all are wrong, but greater_is_better "
        f"is {plugin.greater_is_better}"
    )


@needs(check_finite)
def check_counts(plugin: Metric) -> None:
    """Where it says that it is a count metric, it scores what that one scores."""
    counts: CountMetric | None = getattr(plugin, "counts", None)
    if counts is None:
        raise unittest.SkipTest("it is no count metric")
    for count, classes in ((1, 2), (7, 3), (40, 10)):
        labels, probabilities = _predictions(count, classes)
        own, known = plugin.score(labels, probabilities), score(labels, probabilities.argmax(axis=1), counts)
        assert math.isclose(own, known, rel_tol=1e-9), f"it scores {own} where {counts} is {known}"


def _predictions(count: int, classes: int) -> tuple[LabelArray, Float64Array]:
    """Labels with probabilities that are better than chance."""
    rng = np.random.default_rng(count)
    labels = rng.integers(0, classes, count)
    weights = rng.random((count, classes)) + 0.5 * np.eye(classes)[labels]
    return labels.astype(np.intp), weights / weights.sum(axis=1, keepdims=True)


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "the score is a finite number": check_finite,
    "the score is pure": check_pure,
    "the order of images does not matter": check_order,
    "right predictions score better than wrong ones": check_direction,
    "a count metric scores as it says": check_counts,
}
