"""Insights come after the answer: from the pool and the winner's own figures, and never at its cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_index
from tests.helpers.pipeline.made_up import LITE
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import TrialError
from tlsearch.models.temperature import Temperature, divide_by_temperature
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.evaluate import Evaluation, ModelCost
from tlsearch.pipeline.insights import MOST_SUSPECTS, find_insights
from tlsearch.results.schema import Confusion, Insights, MoreData, SizePoint
from tlsearch.stats.calibration import fit_temperature
from tlsearch.stats.claims import ModelPredictions, estimate, make_claims
from tlsearch.stats.prediction_sets import measure_sets
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult, TrialSpec
from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.worker.protocol import ExamineLabels

CLASSES = ("cat", "dog", "newt")
POOL = (10, 11, 12, 13, 14)
POOL_LABELS = (0, 1, 2, 0, 1)
MORE = MoreData(
    metric="accuracy",
    points=(SizePoint(0.5, 2, 0.5, 0.1), SizePoint(1.0, 4, 0.6, 0.1)),
    draws=1,
    examined=5,
    last_gain=0.1,
    gain_ci95=(-0.1, 0.3),
)


def insight() -> Insight:
    """Position 3, a cat by its label, looks like a dog; position 0 was not examined."""
    said = np.array([[0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.2, 0.75, 0.05], [0.3, 0.4, 0.3]])
    return Insight(MORE, np.array([1, 2, 3, 4]), said)


def examining(reply: Insight | Exception | None) -> FakeWorker:
    """A worker that gives ``reply``, or raises it."""
    return FakeWorker({ExamineLabels: reply})


def data(pool: Sequence[int] = POOL, labels: Sequence[int] = POOL_LABELS) -> Data:
    """Images whose pool are the rows ``pool`` with these labels; the other rows are tested on."""
    count = max(pool) + 1
    known = dict(zip(pool, labels, strict=True))
    every = [known.get(row, 0) for row in range(count)]
    test = [row for row in range(count) if row not in known]
    return make_data(every, test=test, val=(), index=make_index(every, CLASSES))


def found(
    worker: FakeWorker, outcome: Outcome | None, *, of: Data | None = None, heard: Heard | None = None
) -> Insights:
    context, images = make_context(Path("images"), worker, limit=20.0, heard=heard, seed=7), of or data()
    return find_insights(context, images, LITE, outcome, evaluation(len(images.split.test) or 40))


def evaluation(n: int = 40) -> Evaluation:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), n)
    labels = np.array([rng.choice(3, p=row) for row in p])
    guess = p.argmax(axis=1)
    return Evaluation(
        claims=make_claims(labels, ModelPredictions(guess, guess), "accuracy", 0, list(range(n))),
        confusion=Confusion(CLASSES, ((0,) * 3,) * 3),
        costs={"winner": ModelCost(1.0)},
        accuracy=estimate(labels, guess),
        scratch={},
        opened=1,
        labels=labels,
        probabilities=p,
    )


RESULT = TrialResult(
    spec=TrialSpec(backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13),
    state="complete",
    value=0.5,
    seconds=1.0,
)


def outcome() -> Outcome:
    probabilities = np.array([[0.9, 0.05, 0.05], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    return Outcome(RESULT, np.array([0, 1, 4]), probabilities)


def test_suspects_are_named_by_their_files_in_the_pool() -> None:
    worker = examining(insight())
    insights = found(worker, None)
    assert insights.more_data == MORE
    assert insights.label_errors is not None
    assert insights.label_errors.examined == 4
    (suspect,) = insights.label_errors.suspects
    assert (suspect.path, suspect.given, suspect.suggested) == ("13.png", "cat", "dog")
    assert (suspect.given_probability, suspect.suggested_probability) == (0.2, 0.75)
    assert (suspect.models, suspect.agree, insights.label_errors.by_winner) == (1, 1, 0)
    assert insights.label_errors.suspected == 1
    (request,) = worker.requests
    assert isinstance(request, ExamineLabels)
    assert (request.candidate, request.seed) == (LITE, 7)
    assert request.seconds is not None
    assert 15.0 < request.seconds <= 20.0


def test_the_winner_judges_the_images_that_it_was_validated_on() -> None:
    """Each model doubts an image that the other finds nothing wrong with, and the winner has the word."""
    doubts = insight()
    doubts.probabilities[0] = [0.7, 0.2, 0.1]  # image 11, which the winner takes for another class
    errors = found(examining(doubts), outcome()).label_errors
    assert errors is not None
    assert (errors.examined, errors.by_winner) == (4, 2)
    told = {s.path: (s.given, s.suggested, round(s.given_probability, 3), s.models, s.agree) for s in errors.suspects}
    assert told == {
        "13.png": ("cat", "dog", 0.2, 1, 1),
        "11.png": ("dog", "newt", 0.3, 2, 2),
        "14.png": ("dog", "cat", 0.3, 2, 1),
    }
    right = Outcome(RESULT, np.array([3]), np.array([[0.9, 0.05, 0.05]]))
    cleared = found(examining(insight()), right).label_errors
    assert cleared is not None
    assert cleared.suspects == ()


def test_no_more_suspects_are_shown_than_fit_a_page() -> None:
    n = 60
    worker = examining(Insight(MORE, np.arange(n), np.tile([0.1, 0.9, 0.0], (n, 1))))
    insights = found(worker, None, of=data(range(n), (0,) * n))
    assert insights.label_errors is not None
    assert len(insights.label_errors.suspects) == MOST_SUSPECTS
    assert insights.label_errors.suspected == 60


def test_the_temperature_comes_from_the_winners_validation_images() -> None:
    insights = found(examining(insight()), outcome())
    assert insights.calibration is not None
    labels = np.array([POOL_LABELS[row] for row in (0, 1, 4)])
    assert insights.calibration.temperature == fit_temperature(outcome().val_probabilities.astype(np.float64), labels)
    assert insights.calibration.fitted_on == 3
    assert insights.calibration.p_value is not None
    assert not insights.calibration.by_default
    assert sum(b.images for b in insights.calibration.before.bins) == len(data().split.test)


def test_a_winner_without_validation_figures_has_no_calibration() -> None:
    nothing = Outcome(RESULT, np.zeros(0, np.int64), np.zeros((0, 3), np.float32))
    for none in (None, nothing):
        assert found(examining(insight()), none).calibration is None


@pytest.mark.parametrize("reply", [None, TrialError("out of memory")])
def test_insights_that_are_unavailable_cost_the_run_nothing(reply: Exception | None) -> None:
    heard = Heard()
    insights = found(examining(reply), outcome(), heard=heard)
    assert (insights.more_data, insights.label_errors) == (None, None)
    assert insights.calibration is not None
    expected = [] if reply is None else ["no insight into labels and into more data: out of memory"]
    assert heard.warnings == expected


def test_prediction_sets_are_measured_as_predict_makes_them(tmp_path: Path) -> None:
    said = evaluation()
    scores = ConformalScores(scores=tuple(np.linspace(0, 0.8, 200).tolist()), groups=200, images=200, reason="")
    hot = Temperature(value=2.0, fitted_on=9, by_default=True, reason="")
    cold = replace(hot, by_default=False)
    (tmp_path / "out" / "model").mkdir(parents=True)
    file = tmp_path / "out" / "model" / "config.json"
    of = data(pool=range(40, 45))
    context = make_context(tmp_path, examining(None), limit=20.0, seed=7)
    for temperature, shown in ((cold, said.probabilities), (hot, divide_by_temperature(said.probabilities, 2.0))):
        file.write_text(json.dumps({**temperature.in_config(), **scores.in_config()}))
        found = find_insights(context, of, LITE, None, said).prediction_sets
        assert found == measure_sets(scores, shown, said.labels, np.arange(40))
    file.write_text("{}")
    assert find_insights(context, of, LITE, None, said).prediction_sets is None
