"""What a metric must be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.kinds import kind_named
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.testing import check_plugin

LABELS = np.array([0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


class Share:
    """The mean probability of the true class: sound."""

    api_version = 1
    name = "share"
    greater_is_better = True
    uses_class_weights = False

    def score(self, labels: Any, probabilities: Any) -> float:
        return float(probabilities[np.arange(len(labels)), labels].mean())


class Brier(Share):
    """A sound one of which less is better."""

    greater_is_better = False

    def score(self, labels: Any, probabilities: Any) -> float:
        return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1).mean())


class WrongWay(Brier):
    greater_is_better = True


class NotFinite(Share):
    def score(self, labels: Any, probabilities: Any) -> float:
        return super().score(labels, probabilities) if len(set(labels.tolist())) > 1 else float("nan")


class Ordered(Share):
    def score(self, labels: Any, probabilities: Any) -> float:
        return float(probabilities[np.arange(len(labels)), labels] @ np.arange(1, len(labels) + 1))


class Changing(Share):
    def score(self, labels: Any, probabilities: Any) -> float:
        probabilities /= 2
        return super().score(labels, probabilities)


class FalseCounts(Share):
    counts = "accuracy"


class UnknownCounts(Share):
    counts = "kappa"


class Meaningless(Share):
    meaning = 7


class Undecided(Share):
    greater_is_better = None  # type: ignore[assignment] # broken on purpose


@pytest.mark.parametrize("metric", [Share, Brier])
def test_a_sound_metric_passes(metric: type[Share]) -> None:
    *others, counts = check_plugin("metric", metric())
    assert {result.status for result in others} == {"passed"}
    assert (counts.status, counts.detail) == ("skipped", "it is no count metric")


@pytest.mark.parametrize(
    ("metric", "check", "said"),
    [
        (WrongWay, "right predictions score better than wrong ones", "but greater_is_better is True"),
        (NotFinite, "the score is a finite number", "is nan, which is no finite number"),
        (Ordered, "the order of images does not matter", "in another order the score is"),
        (Changing, "the score is pure", "read-only"),
        (FalseCounts, "a count metric scores as it says", "where accuracy is"),
        (UnknownCounts, "keeps the contract", "its counts are 'kappa', where one of accuracy, balanced_accuracy"),
        (Undecided, "keeps the contract", "its greater_is_better must be True or False"),
        (Meaningless, "keeps the contract", "its meaning must be a text"),
    ],
)
def test_a_broken_metric_fails_its_check(metric: type[Share], check: str, said: str) -> None:
    results = {result.name: result for result in check_plugin("metric", metric())}
    assert results[check].status == "failed"
    assert said in results[check].detail


def test_what_a_metric_raises_or_gives_is_its_fault() -> None:
    guarded = GuardedMetric(Share())
    assert guarded.score(LABELS, PROBABILITIES) == pytest.approx(0.7)
    assert (guarded.greater_is_better, guarded.sign, guarded.counts) == (True, 1.0, None)
    assert GuardedMetric(Brier()).sign == -1.0
    with pytest.raises(PluginFailedError, match="The metric plugin 'share' raised IndexError"):
        guarded.score(LABELS + 2, PROBABILITIES)
    bad: Any = SimpleNamespace(
        name="bad", greater_is_better=True, uses_class_weights=True, score=lambda labels, probabilities: float("inf")
    )
    with pytest.raises(PluginFailedError, match="scores 3 images as inf; it must give a finite number") as caught:
        GuardedMetric(bad).score(LABELS, PROBABILITIES)
    assert caught.value.plugin == "metric bad"


def test_its_facts_are_shown() -> None:
    facts = kind_named("metric").describe(Brier())
    assert facts == {
        "about": "A sound one of which less is better.",
        "greater_is_better": "no",
        "uses_class_weights": "no",
    }
