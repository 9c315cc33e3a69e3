"""The metric of a run at work: formulas for count metrics, resampling for any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats import bootstrap
from tlsearch.stats.claims import ModelPredictions, estimate, make_claims
from tlsearch.stats.scoring import (
    claims_of,
    estimate_of,
    fold_error,
    guess_score,
    interval_method,
    paired_fold_error,
    score_by,
)
from tlsearch.stats.standard_errors import image_error, paired_image_error

RNG = np.random.default_rng(0)
LABELS = np.arange(90) % 3
GROUPS = np.arange(90) // 2


def model(strength: float) -> Any:
    """Probabilities that are right the more often, the greater the strength."""
    weights = RNG.random((90, 3)) + strength * np.eye(3)[LABELS]
    return weights / weights.sum(axis=1, keepdims=True)


MODELS = {"winner": model(1.0), "linear_probe": model(0.3), "baseline": model(0.1)}


class Brier:
    """Of which less is better."""

    api_version = 1
    name = "brier"
    greater_is_better = False
    uses_class_weights = False

    def score(self, labels: Any, probabilities: Any) -> float:
        return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1).mean())


BRIER = GuardedMetric(Brier())


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 300)
    monkeypatch.setattr(bootstrap, "PERMUTATIONS", 299)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_count_metrics_have_their_formulas(name: Any) -> None:
    metric, predicted = load_metric(name), {key: values.argmax(axis=1) for key, values in MODELS.items()}
    winner, probe = predicted["winner"], predicted["linear_probe"]
    assert interval_method(metric) == "score interval"
    assert estimate_of(metric, LABELS, MODELS["winner"], GROUPS) == estimate(LABELS, winner, name, GROUPS)
    assert score_by(metric, LABELS, MODELS["winner"]) == estimate(LABELS, winner, name).value
    wanted = make_claims(LABELS, ModelPredictions(winner, probe, predicted["baseline"]), name, 3, GROUPS)
    assert claims_of(metric, LABELS, MODELS, 3, GROUPS) == wanted
    assert fold_error(metric, MODELS["winner"], LABELS, GROUPS) == image_error(winner, LABELS, GROUPS, name)
    error = paired_fold_error(metric, MODELS["winner"], MODELS["linear_probe"], LABELS, GROUPS)
    assert error == paired_image_error(winner, probe, LABELS, GROUPS, name)


def test_any_other_metric_is_resampled_and_a_gain_is_how_much_better() -> None:
    claims = claims_of(BRIER, LABELS, MODELS, 3)
    assert interval_method(BRIER) == "stratified bootstrap"
    assert claims.baseline is not None
    assert claims.winner.value == Brier().score(LABELS, MODELS["winner"])
    assert claims.winner.ci95[0] < claims.winner.value < claims.winner.ci95[1]
    assert claims.gain.test == pytest.approx(claims.baseline.value - claims.winner.value)
    assert claims.gain.test is not None
    assert claims.gain.test > 0
    assert claims.gain.ci95 is not None
    assert claims.gain.ci95[0] < claims.gain.test < claims.gain.ci95[1]
    over = claims.gain.over_linear_probe
    assert over is not None
    assert over.difference == pytest.approx(claims.linear_probe.value - claims.winner.value)
    assert over.permutation_p is not None
    assert over.permutation_p < 0.05
    assert over.mcnemar_midp is None
    right = {name: values.argmax(axis=1) == LABELS for name, values in MODELS.items()}
    assert over.discordant == (
        int((right["winner"] & ~right["linear_probe"]).sum()),
        int((right["linear_probe"] & ~right["winner"]).sum()),
    )
    assert claims.majority == pytest.approx(2 / 3)  # by the shares of the classes
    assert claims_of(BRIER, LABELS, MODELS, 3) == claims


class Distance:
    """By how many classes an answer is wrong, of classes that have an order; less is better."""

    api_version, name, greater_is_better, uses_class_weights = 1, "distance", False, False

    def score(self, labels: Any, probabilities: Any) -> float:
        return float(np.abs(probabilities.argmax(axis=1) - labels).mean())


def test_guessing_is_the_best_answer_that_is_the_same_for_every_image() -> None:
    known = np.repeat([0, 1, 2], [40, 25, 35])
    labels = np.array([0, 0, 1, 2])
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        metric = load_metric(name)
        frequent = np.eye(3)[np.zeros(4, int)]
        assert guess_score(metric, labels, known, 3) == score_by(metric, labels, frequent), name
    # Of probabilities the shares are better than to be sure; of classes in order the one in the middle is.
    shares = np.tile([0.4, 0.25, 0.35], (4, 1))
    assert guess_score(BRIER, labels, known, 3) == Brier().score(labels, shares)
    assert Brier().score(labels, shares) < Brier().score(labels, np.eye(3)[np.zeros(4, int)])
    assert guess_score(GuardedMetric(Distance()), labels, known, 3) == 0.75


def test_without_a_baseline_there_is_the_gain_over_the_probe_only() -> None:
    claims = claims_of(BRIER, LABELS, {name: MODELS[name] for name in ("winner", "linear_probe")})
    assert claims.baseline is None
    assert claims.gain.test is None
    assert claims.gain.over_linear_probe is not None


def test_errors_on_a_fold() -> None:
    alone = np.arange(90)
    each = ((MODELS["winner"] - np.eye(3)[LABELS]) ** 2).sum(axis=1)
    within = np.sqrt(sum(each[c == LABELS].var() for c in range(3)) / 3 / 90)
    assert fold_error(BRIER, MODELS["winner"], LABELS, alone) == pytest.approx(within, rel=0.15)
    assert paired_fold_error(BRIER, MODELS["winner"], MODELS["winner"], LABELS, alone) == 0.0
    assert estimate_of(BRIER, LABELS, MODELS["winner"]).value == score_by(BRIER, LABELS, MODELS["winner"])
