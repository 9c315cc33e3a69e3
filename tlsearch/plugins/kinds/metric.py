"""Metrics: the score that a run chooses its winner by."""

from __future__ import annotations

import math
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.guard import Guarded, blaming
from tlsearch.plugins.kinds.kind import PluginKind, about

Labels: TypeAlias = npt.NDArray[np.intp]
"""The true classes of images as numbers from 0, shape (N,)."""

Probabilities: TypeAlias = npt.NDArray[np.float64]
"""The probabilities of the classes, shape (N, classes); each row sums to 1."""

CountMetric: TypeAlias = Literal["accuracy", "balanced_accuracy", "macro_f1"]
"""A score that is a function of how many images of each class there are, how many are right and how many are predicted
as it. Its interval has a formula."""


@runtime_checkable
class Metric(Protocol):
    """A score of predictions.

    ``greater_is_better`` says which of two scores is the better one. ``uses_class_weights`` says whether classes are
    weighted in training, so that small classes count as much as large ones. A metric is also called in the process that
    plans a run, so ``score`` must not import a backend.

    The attribute ``counts``, which is optional, names the ``CountMetric`` that the score is. Then intervals come from
    a formula, and otherwise from the stratified bootstrap. The attribute ``meaning``, which is optional too, says in a
    few words what the score is, for people who do not know its name.
    """

    api_version: int
    name: str
    greater_is_better: bool
    uses_class_weights: bool

    def score(self, labels: Labels, probabilities: Probabilities) -> float:
        """Score images.

        Args:
            labels: The true classes, at least one. A class may have no image.
            probabilities: Those of the classes, a row for each image.

        Returns:
            A finite number, which does not depend on the order of the images. The arguments are left as they were.
        """


class GuardedMetric(Guarded):
    """A metric that raises ``PluginFailedError``, also where its score is no finite number.

    Attributes:
        name: Its name.
        sign: 1 where a greater score is better, -1 where a smaller one is: of ``sign * score`` the greater is better.
        uses_class_weights: Whether classes are weighted in training.
        counts: The count metric that it is, if it is one.
        meaning: What the score is, in a few words; empty where its plugin does not say it.
    """

    def __init__(self, plugin: Metric) -> None:
        super().__init__("metric", plugin)
        self.name: str = plugin.name
        self.sign = 1.0 if plugin.greater_is_better else -1.0
        self.uses_class_weights: bool = plugin.uses_class_weights
        self.counts: CountMetric | None = getattr(plugin, "counts", None)
        self.meaning: str = getattr(plugin, "meaning", "")

    def score(self, labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
        """See ``Metric``."""
        labels, probabilities = np.asarray(labels, np.intp), np.asarray(probabilities, np.float64)
        with blaming("metric", self.guarded):
            score = float(self.guarded.score(labels, probabilities))
        if not math.isfinite(score):
            raise PluginFailedError(
                f"The metric plugin '{self.name}' scores {len(labels)} images as {score}; "
                "it must give a finite number.",
                plugin=f"metric {self.name}",
            )
        return score


def _fault(plugin: Any) -> str | None:
    wrong = [n for n in ("greater_is_better", "uses_class_weights") if not isinstance(getattr(plugin, n, None), bool)]
    if wrong:
        return f"its {' and '.join(wrong)} must be True or False"
    if not isinstance(getattr(plugin, "meaning", ""), str):
        return "its meaning must be a text"
    counts, known = getattr(plugin, "counts", None), get_args(CountMetric)
    if counts is not None and (counts not in known or not plugin.greater_is_better):
        return f"its counts are {counts!r}, where one of {', '.join(known)}, of which more is better, or None is needed"
    return None


def _describe(plugin: Metric) -> dict[str, Any]:
    words = {True: "yes", False: "no"}
    return {
        **about(plugin),
        "greater_is_better": words[plugin.greater_is_better],
        "uses_class_weights": words[plugin.uses_class_weights],
    }


KIND = PluginKind(
    name="metric",
    group="tlsearch.metrics",
    contract=Metric,
    summary="a score to choose the winner by",
    usage="--metric {name}",
    checks="tlsearch.testing.metric:CHECKS",
    uses_backend=False,
    validate=_fault,
    describe=_describe,
    wrap=GuardedMetric,
    reserved=frozenset({"loss"}),  # trials have a val_loss beside the validation score val_NAME
)
