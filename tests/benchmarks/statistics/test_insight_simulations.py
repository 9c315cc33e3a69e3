"""Simulations of what a report says besides its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from benchmarks.common.results import RESULTS, Result, read_result
from benchmarks.statistics import calibration, label_errors, prediction_sets
from tlsearch.stats.label_precision import PRECISION, RATES

Quick = Callable[..., Result]


def test_temperatures_are_applied_where_they_are_needed(quick: Quick) -> None:
    rows = quick(calibration.main, "--simulations", "6").figures["rows"]
    found = {(r["chosen from"], r["validation images"], r["probabilities"], r["rule"]): r for r in rows}
    assert len(rows) == 2 * 3 * 4 * 3
    sure = {rule: found[1, 1000, "far too sure", rule] for rule in calibration.RULES}
    assert sure["where shown to help"]["applied"] == 1
    assert sure["where shown to help"]["log loss"] == sure["always"]["log loss"] < sure["never"]["log loss"] - 0.02
    assert found[40, 1000, "true", "where shown to help"]["applied"] < 0.5


@pytest.mark.parametrize("accuracy", [0.77, 0.97])
def test_a_simulated_judge_is_as_good_as_it_is_said_to_be(accuracy: float) -> None:
    strengths, rng = label_errors.Strengths(), np.random.default_rng(3)
    world = label_errors.World(judge="winner, all folds", accuracy=accuracy, images=8000, rate=0.05, kind="confusable")
    true = rng.integers(0, label_errors.CLASSES, world.images)
    strongest, probe, by_winner = label_errors.judge(strengths, world, true, rng)
    assert by_winner.all()
    assert (strongest.argmax(axis=1) == true).mean() == pytest.approx(accuracy, abs=0.012)
    assert (probe.argmax(axis=1) == true).mean() == pytest.approx(1 - 2 * (1 - accuracy), abs=0.02)
    assert strongest.sum(axis=1) == pytest.approx(1)
    wrong = strongest.argmax(axis=1) != true
    assert (strongest.argmax(axis=1)[wrong] == true[wrong] ^ 1).mean() > 0.4  # mostly taken for the partner


def test_a_judge_states_how_often_a_label_is_right_where_labels_have_errors() -> None:
    said = label_errors.learned(np.eye(10), 0.1, "confusable") ** (1 / label_errors.SHARPER)
    assert said[0, 1] / said[0].sum() == pytest.approx(0.1)
    spread = label_errors.learned(np.eye(10), 0.1, "random") ** (1 / label_errors.SHARPER)
    assert spread[0, 1:] / spread[0].sum() == pytest.approx(np.full(9, 0.1 / 9))


def test_errors_are_planted_as_many_and_of_the_kind_that_is_asked_for() -> None:
    true = np.arange(1000) % 10
    for kind in label_errors.KINDS:
        world = label_errors.World(judge="probe", accuracy=0.9, images=1000, rate=0.03, kind=kind)
        labels, planted = label_errors.plant(true, world, np.random.default_rng(0))
        assert planted.sum() == (labels != true).sum() == 30
        assert ((labels[planted] ^ 1) == true[planted]).all() == (kind == "confusable")


# Keras saves variables through NumPy's old array protocol.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_planted_errors_are_found_in_simulations_and_in_photographs(quick: Quick) -> None:
    figures = quick(label_errors.main).figures
    rows = {(r["judge"], r["accuracy"], r["images"], r["errors"], r["kind"]): r for r in figures["rows"]}
    assert len(rows) == 3 * 5 * 4 * 2
    good, poor = (rows["probe", accuracy, 300, 0.1, "random"] for accuracy in (0.99, 0.77))
    assert good["precision"] == 1 >= poor["precision"]
    assert good["recall"] == pytest.approx(24 / 30)
    assert rows["probe", 0.77, 300, 0.01, "random"]["precision"] <= 3 / 24
    assert rows["winner, all folds", 0.99, 300, 0.05, "random"]["precision where both models agree"] > 0.8
    assert rows["probe", 0.99, 300, 0.05, "random"]["precision where both models agree"] is None
    random, confusable = figures["real"]
    assert (random["images"], random["shown"], random["plantings"]) == (300, 24, 1)
    assert random["precision"] > 15 / 300  # far more than by chance
    assert confusable["precision"] <= random["precision"]


def precision_table(rows: Sequence[Mapping[str, object]]) -> dict[str, dict[int, dict[float, tuple[float, float]]]]:
    """Precision by judge, images and accuracy, at the two rates that a report names: ``label_precision.PRECISION``.

    Each is the mean over both kinds of errors, to two digits. The accuracy is that over all images, whoever judges.
    """
    found: dict[tuple[str, int, float, float], list[float]] = {}
    for row in rows:
        key = str(row["judge"]), int(str(row["images"])), float(str(row["accuracy"])), float(str(row["errors"]))
        found.setdefault(key, []).append(float(str(row["precision"])))
    table: dict[str, dict[int, dict[float, tuple[float, float]]]] = {}
    for judge_name, images, accuracy, rate in found:
        if rate == RATES[0]:
            low, high = (round(float(np.mean(found[judge_name, images, accuracy, said])), 2) for said in RATES)
            mistakes = (1 - accuracy) * (2 - label_errors.VALIDATED if judge_name == label_errors.JUDGES[1] else 1)
            table.setdefault(judge_name, {}).setdefault(images, {})[round(1 - mistakes, 3)] = (low, high)
    return table


def test_the_report_says_what_was_measured() -> None:
    rows = read_result(RESULTS / "label-errors.json").figures["rows"]
    assert precision_table(rows) == PRECISION
    assert set(PRECISION) == set(label_errors.JUDGES)
    assert all(rate in label_errors.RATES for rate in RATES)
    low, high = PRECISION["probe"][1000][0.93]
    assert low < 0.5 < high


def test_prediction_sets_of_a_quick_run_cover_what_they_should(quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_sets, "SIZES", (45, 340))
    figures = quick(prediction_sets.main, "--simulations", "6").figures
    rows = {(r["calibration images"], r["best of"], r["groups"], r["rule"], r["asked"]): r for r in figures["rows"]}
    assert len(rows) == 2 * 4 * (1 + 2 + 3 + 3)
    for (images, _, _, rule, asked), row in rows.items():
        if rule in ("own answers", "every image counts once"):
            continue
        assert row["coverage"] > asked - 0.05, (images, rule, asked)
    # 45 images are too few for 0.99, whatever the rule is.
    assert {
        row["coverage"] for (images, _, grouped, _, asked), row in rows.items() if (images, asked) == (45, 0.99)
    } == {1}
    own, kept = (rows[45, 40, False, rule, 0.9]["coverage"] for rule in ("own answers", "the larger of both"))
    assert own < kept
    by_measure = {(row["measure"], row["asked"]): row for row in figures["scores"]}
    assert all(row["coverage"] >= row["asked"] - 0.03 for row in figures["scores"])
    plain = by_measure["1 - probability", 0.95]
    adaptive, inclusive = (by_measure[f"adaptive{what}", 0.95] for what in ("", ", the class itself included"))
    assert adaptive["empty sets"] == 0
    assert plain["mean size"] < adaptive["mean size"] + 0.1 < inclusive["mean size"]


def test_prediction_sets_keep_what_they_promise() -> None:
    """With the rules of a run, no mean lies far below what was asked for, given its own error."""
    rows = read_result(RESULTS / "prediction-sets.json").figures["rows"]
    used = [row for row in rows if row["rule"] in ("own answers", "every group counts once") and row["best of"] == 1]
    assert len(used) == 2 * 5 * 4
    assert all(row["coverage"] > row["asked"] - 3 * row["standard error"] - 0.001 for row in used)
