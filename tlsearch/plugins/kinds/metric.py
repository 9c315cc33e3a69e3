"""Metrics: the score that a run chooses its winner by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.guard import Guarded, blaming
from tlsearch.plugins.kinds.kind import PluginKind, about

Labels: TypeAlias = npt.NDArray[np.intp]
"""The true classes of images as numbers from 0, shape (N,)."""

Probabilities: TypeAlias = npt.NDArray[np.float64]
"""The probabilities of the classes, shape (N, classes); each row sums to 1."""


@runtime_checkable
class Metric(Protocol):
    """A score of predictions.

    ``greater_is_better`` says which of two scores is the better one. ``uses_class_weights`` says whether classes are
    weighted in training, so that small classes count as much as large ones. A metric is also called in the process that
    plans a run, so ``score`` must not import a backend.
    """

    api_version: int
    name: str
    greater_is_better: bool
    uses_class_weights: bool

    def score(self, labels: Labels, probabilities: Probabilities) -> float:
        """A finite number for one image or more, whose order does not matter.

        Classes may have no image. The arguments are left as they were.
        """


class GuardedMetric(Guarded):
    """A metric that raises ``PluginFailedError``, also where its score is no finite number."""

    def __init__(self, plugin: Metric) -> None:
        super().__init__("metric", plugin)

    def score(self, labels: Labels, probabilities: Probabilities) -> float:
        """See ``Metric``."""
        name = self.guarded.name
        with blaming("metric", name):
            score = float(self.guarded.score(labels, probabilities))
        if not math.isfinite(score):
            raise PluginFailedError(
                f"The metric plugin '{name}' scores {len(labels)} images as {score}; it must give a finite number.",
                plugin=f"metric {name}",
            )
        return score


def _fault(plugin: Any) -> str | None:
    wrong = [n for n in ("greater_is_better", "uses_class_weights") if not isinstance(getattr(plugin, n, None), bool)]
    return f"its {' and '.join(wrong)} must be True or False" if wrong else None


def _describe(plugin: Metric) -> dict[str, Any]:
    said = {True: "yes", False: "no"}
    return {
        **about(plugin),
        "greater_is_better": said[plugin.greater_is_better],
        "uses_class_weights": said[plugin.uses_class_weights],
    }


def check_contract(plugin: Metric) -> None:
    """Attributes and methods."""
    assert callable(getattr(plugin, "score", None)), "it has no method score"
    assert isinstance(plugin.name, str), "it has no name"
    fault = _fault(plugin)
    assert fault is None, fault


def check_finite(plugin: Metric) -> None:
    """A finite number for any probabilities, one image or many, and with classes that have no image."""
    for count, classes in ((1, 2), (7, 3), (40, 10)):
        labels, probabilities = _predictions(count, classes)
        for told, said in ((labels, "predictions"), (np.zeros_like(labels), "images that are all of one class")):
            score = plugin.score(told, probabilities)
            assert math.isfinite(score), f"the score of {count} {said} is {score!r}, which is no finite number"


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


def check_order(plugin: Metric) -> None:
    """The order of the images does not matter."""
    labels, probabilities = _predictions(30, 4)
    order = np.random.default_rng(1).permutation(30)
    one, other = plugin.score(labels, probabilities), plugin.score(labels[order], probabilities[order])
    assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12), f"in another order the score is {other}, not {one}"


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


def _predictions(count: int, classes: int) -> tuple[Labels, Probabilities]:
    """Labels with probabilities that are better than chance."""
    rng = np.random.default_rng(count)
    labels = rng.integers(0, classes, count)
    weights = rng.random((count, classes)) + 0.5 * np.eye(classes)[labels]
    return labels.astype(np.intp), weights / weights.sum(axis=1, keepdims=True)


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "keeps the contract": check_contract,
    "the score is a finite number": check_finite,
    "the score is pure": check_pure,
    "the order of images does not matter": check_order,
    "right predictions score better than wrong ones": check_direction,
}

KIND = PluginKind(
    name="metric",
    group="tlsearch.metrics",
    contract=Metric,
    summary="a score to choose the winner by",
    usage="",  # a run chooses by the three metrics that the engine knows
    checks="tlsearch.plugins.kinds.metric:CHECKS",
    validate=_fault,
    describe=_describe,
    wrap=GuardedMetric,
)
