"""Every saved model gets temperature and conformal scores from validation images, and from nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.pipeline.contexts import Heard, make_context, make_data
from tests.helpers.pipeline.made_up import LITE, make_space
from tlsearch.models.temperature import Temperature
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.evaluate.calibrate import calibrate, share_calibration
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.calibration import judge_temperature
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult, TrialSpec
from tlsearch.uncertainty.prediction_sets import ConformalScores, conformal_scores

LABELS = [number % 2 for number in range(300)]
DATA = make_data(LABELS, val=range(100, 300))
HELD = np.arange(100, 300)
SPACE = make_space()
WINNER, PROBE, SCRATCH, OTHER = (replace(SPACE.spec(SPACE.params(LITE)), seed=seed) for seed in range(4))


def outcome_of(spec: TrialSpec, confidence: float, wrong: int) -> Outcome:
    """The outcome of a model that is as sure of each of the 200 validation images and errs on ``wrong`` of them."""
    said = np.asarray(LABELS)[HELD].copy()
    said[:wrong] = 1 - said[:wrong]
    probabilities = np.where(np.eye(2, dtype=bool)[said], confidence, 1 - confidence).astype(np.float32)
    return Outcome(TrialResult(spec=spec, state="complete", value=0.9, seconds=1.0), HELD, probabilities)


def network(spec: TrialSpec, outcome: Outcome | None, others: tuple[BaselineResult, ...] = ()) -> BaselineResult:
    return BaselineResult(
        candidate=replace(LITE, backbone=f"net{spec.seed}"),
        result=TrialResult(spec=spec, state="complete", value=0.5, seconds=1.0),
        rows=(),
        seconds=1.0,
        stopped_by="schedule",
        still_improving=False,
        not_affordable=(),
        epochs=5,
        outcome=outcome,
        others=others,
    )


def make_folders(output: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (output / name).mkdir(parents=True)
        (output / name / "config.json").write_text(json.dumps({"image_size": 32, "kept": name}))


def kept(output: Path, name: str) -> Temperature | None:
    return Temperature.of(json.loads((output / name / "config.json").read_text()))


def test_each_model_has_the_temperature_of_its_own_validation_images(tmp_path: Path) -> None:
    names = ("model", "linear_probe", "baseline", "scratch-net3")
    make_folders(tmp_path / "out", names)
    outcomes = {WINNER: outcome_of(WINNER, 0.99, wrong=20), PROBE: outcome_of(PROBE, 0.9, wrong=20)}
    scratch = network(SCRATCH, outcome_of(SCRATCH, 0.7, wrong=20), (network(OTHER, None),))
    calibrate(make_context(tmp_path), DATA, outcomes, WINNER, PROBE, scratch)
    sure, honest, timid, unknown = (kept(tmp_path / "out", name) for name in names)
    assert sure is not None
    assert honest is not None
    assert timid is not None
    assert (sure.by_default, honest.by_default, timid.by_default, unknown) == (True, False, True, None)
    assert sure.value > 1.9  # from log(99) to log(9)
    assert abs(honest.value - 1) < 0.01
    assert timid.value < 0.5
    assert sure.fitted_on == 200
    assert sure.reason == "on 200 validation images the model is surer than it should be (p < 0.001)"
    assert timid.reason == "on 200 validation images the model is less sure than it should be (p < 0.001)"
    assert honest.reason.startswith("200 validation images do not show that it helps (p = 0.")
    assert json.loads((tmp_path / "out" / "model" / "config.json").read_text())["kept"] == "model"


def test_images_that_belong_together_count_as_such(tmp_path: Path) -> None:
    make_folders(tmp_path / "out", ("model", "linear_probe"))
    groups = [*range(100), *(100 + number // 100 for number in range(200))]
    grouped = make_data(LABELS, val=range(100, 300), groups=groups)
    outcome = outcome_of(WINNER, 0.97, wrong=14)
    assert judge_temperature(outcome.val_probabilities, np.asarray(LABELS)[HELD]).helps
    calibrate(make_context(tmp_path), grouped, {WINNER: outcome}, WINNER, PROBE, None)
    temperature = kept(tmp_path / "out", "model")
    assert temperature is not None
    assert not temperature.by_default
    assert kept(tmp_path / "out", "linear_probe") is None


def scores_in(output: Path, name: str) -> ConformalScores | None:
    return ConformalScores.of(json.loads((output / name / "config.json").read_text()))


def test_each_model_has_the_scores_of_its_own_validation_images(tmp_path: Path) -> None:
    make_folders(tmp_path / "out", ("model", "linear_probe", "baseline"))
    outcomes = {WINNER: outcome_of(WINNER, 0.9, wrong=20), PROBE: outcome_of(PROBE, 0.9, wrong=20)}
    calibrate(make_context(tmp_path), DATA, {WINNER: outcomes[WINNER]}, WINNER, PROBE, network(SCRATCH, None))
    assert (scores_in(tmp_path / "out", "linear_probe"), scores_in(tmp_path / "out", "baseline")) == (None, None)
    alone = scores_in(tmp_path / "out", "model")
    assert alone is not None
    assert (alone.images, alone.groups, alone.reason) == (200, 200, "from 200 validation images")
    # 20 of 200 are wrong, so that 90 % need no second class and all others do.
    assert alone.threshold(0.89) == 0
    assert alone.threshold(0.9) > 0.5
    calibrate(make_context(tmp_path), DATA, outcomes, WINNER, PROBE, None)
    probe = scores_in(tmp_path / "out", "linear_probe")
    assert probe is not None
    assert probe.scores == conformal_scores(outcomes[PROBE].val_probabilities, np.asarray(LABELS)[HELD], None).scores


def test_the_scores_of_the_winner_undo_its_selection(tmp_path: Path) -> None:
    """Of 30 trials that are right on 7 of 10 images by luck, the best looks better than it is."""
    make_folders(tmp_path / "out", ("model", "linear_probe"))
    rng = np.random.default_rng(0)
    labels = np.asarray(LABELS)[HELD]
    outcomes = {}
    for number in range(30):
        said = np.where(rng.random(200) < 0.7, labels, 1 - labels)
        probabilities = np.where(np.eye(2, dtype=bool)[said], 0.7, 0.3).astype(np.float32)
        spec = replace(WINNER, seed=100 + number)
        result = TrialResult(spec=spec, state="complete", value=float((said == labels).mean()), seconds=1.0)
        outcomes[spec] = Outcome(result, HELD, probabilities)
    best = max(outcomes, key=lambda spec: outcomes[spec].result.value or 0)
    calibrate(make_context(tmp_path), DATA, outcomes, best, PROBE, None)
    found, own = scores_in(tmp_path / "out", "model"), outcomes[best].result.value
    assert found is not None
    assert own is not None
    without_second = float(np.mean(np.array(found.scores) == 0))
    assert 0.66 < without_second < own - 0.03


class OfBoth:
    """A metric of somebody who thinks that there are always images of both classes."""

    api_version, name, greater_is_better, uses_class_weights = 1, "of_both", True, False

    def score(self, labels: Any, probabilities: Any) -> float:
        assert set(labels.tolist()) == {0, 1}
        return float((probabilities.argmax(axis=1) == labels).mean())


def test_where_a_metric_fails_on_the_way_the_scores_are_those_of_the_model_alone(tmp_path: Path) -> None:
    make_folders(tmp_path / "out", ("model", "linear_probe"))
    labels = [0, 1] * 50 + [0] * 199 + [1]
    data = replace(make_data(labels, val=range(100, 300)), metric=GuardedMetric(OfBoth()))
    outcomes = {spec: outcome_of(spec, 0.9, wrong=wrong) for spec, wrong in ((WINNER, 20), (PROBE, 30))}
    heard = Heard()
    calibrate(make_context(tmp_path, heard=heard), data, outcomes, WINNER, PROBE, None)
    (warning,) = heard.warnings
    assert "prediction sets may cover a little too little" in warning
    assert "The metric plugin 'of_both' raised AssertionError" in warning
    assert scores_in(tmp_path / "out", "model") is not None


def test_trials_on_other_folds_are_compared_on_common_images(tmp_path: Path) -> None:
    make_folders(tmp_path / "out", ("model", "linear_probe"))
    whole, part = outcome_of(WINNER, 0.9, wrong=30), outcome_of(PROBE, 0.9, wrong=20)
    part = Outcome(part.result, part.val_rows[:80], part.val_probabilities[:80])
    calibrate(make_context(tmp_path), DATA, {WINNER: whole, PROBE: part}, WINNER, PROBE, None)
    winner, probe = (scores_in(tmp_path / "out", name) for name in ("model", "linear_probe"))
    assert winner is not None
    assert probe is not None
    assert (winner.images, probe.images) == (200, 80)


def test_a_model_trained_once_more_has_the_temperature_of_its_configuration(tmp_path: Path) -> None:
    make_folders(tmp_path, ("model", "refit"))
    share_calibration(tmp_path / "model", tmp_path / "refit")
    assert kept(tmp_path, "refit") is None
    temperature = Temperature(value=1.5, fitted_on=200, by_default=True, reason="it helps")
    scores = ConformalScores(scores=(0.0, 0.4), groups=2, images=2, reason="why")
    entries = {"kept": "model", **temperature.in_config(), **scores.in_config()}
    (tmp_path / "model" / "config.json").write_text(json.dumps(entries))
    share_calibration(tmp_path / "model", tmp_path / "refit")
    assert kept(tmp_path, "refit") == temperature
    assert scores_in(tmp_path, "refit") == scores
    assert json.loads((tmp_path / "refit" / "config.json").read_text())["kept"] == "refit"
