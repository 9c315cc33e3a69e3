"""What a whole run tells: the same figures in the same words in terminal, report, result file and MLflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.results.agreement import disagreements, found_in, page_text
from tests.helpers.results.verdict_texts import verdict_texts
from tests.helpers.runs.small_run import MARKS, TrialRecord
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.models.temperature import Temperature
from tlsearch.report import text as words
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.fair import no_claim
from tlsearch.results.flatten import flat_metrics
from tlsearch.runs.ledger import LEDGER_NAME, Ledger, fingerprint_of
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = MARKS


def parent(finished: TrialRecord) -> Run:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    return MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id)


def page(finished: TrialRecord) -> str:
    return page_text((finished.output / "report.html").read_text(encoding="utf-8"))


def test_the_opening_is_in_the_ledger_beside_the_record(finished: TrialRecord) -> None:
    (entry,) = Ledger(finished.home / LEDGER_NAME).entries()
    index = scan(Path(finished.result.dataset.path))
    rows = split(index, seed=0).test
    assert entry["test"] == fingerprint_of(index.images[row].sha256 for row in rows)
    assert entry["output"] == str(finished.output)
    assert entry["run_id"] == parent(finished).info.run_id
    assert finished.result.metrics.test_opened == 1


def test_the_count_of_openings_is_told_everywhere(finished: TrialRecord) -> None:
    text = "no recorded run had looked at these test images before"
    assert finished.printed.count(text) == 2  # in the line of the step and above the table
    assert text in page(finished)
    assert text in parent(finished).data.tags["mlflow.note.content"]
    assert figures(finished)["test_opened"] == 1


def figures(finished: TrialRecord) -> dict[str, float]:
    """The table of figures that MLflow has among the artifacts of the run, and shows as a table for its tag."""
    run, mlflow = parent(finished), finished.result.mlflow
    assert mlflow is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow.tracking_uri)  # it looks for runs where everybody does
        table = MlflowClient().load_table(run.info.experiment_id, "figures.json", run_ids=[run.info.run_id])
    assert list(table.columns) == ["figure", "value"]
    return dict(zip(table["figure"], table["value"], strict=True))


def test_mlflow_has_every_figure_of_the_result(finished: TrialRecord) -> None:
    recorded = figures(finished)
    for name, value in flat_metrics(finished.result).items():
        assert recorded[name] == pytest.approx(value, rel=1e-4), name
    assert {"gain_over_baseline", "gain_over_linear_probe", "gain_over_linear_probe_ci95_low"} <= set(recorded)


def test_how_far_the_network_from_scratch_was_trained_is_told(finished: TrialRecord) -> None:
    baseline = finished.result.baseline
    assert baseline is not None
    assert (baseline.epochs, baseline.rise) == (2, None)
    assert baseline.whole_epochs is not None
    assert baseline.whole_epochs >= 60
    assert f"2 of {baseline.whole_epochs} epochs" in finished.printed


def test_both_gains_stand_in_every_place(finished: TrialRecord) -> None:
    lines = words.gain_lines(finished.result.gain, no_claim(finished.result))
    assert len(lines) == 2
    note = parent(finished).data.tags["mlflow.note.content"]
    for line in lines:
        assert line in note
    for sentence in verdict_texts(finished.result):
        assert sentence in page(finished)
        assert sentence in note
        assert sentence in " ".join(finished.printed.split())
    assert finished.result.verdict == verdict_of(finished.result)


def test_no_two_sentences_of_the_run_contradict_each_other(finished: TrialRecord) -> None:
    note = parent(finished).data.tags["mlflow.note.content"]
    texts = {"terminal": finished.printed, "report": page(finished), "MLflow": note}
    assert disagreements(texts) == []
    assert all(list(found_in(text, "test images")) for text in texts.values())


def test_the_winners_figures_bear_their_names(finished: TrialRecord) -> None:
    result = finished.result
    metrics = result.metrics
    assert result.plan.folds == 2
    selected = words.selected(metrics.val_folds, result.plan.folds)
    assert metrics.confirmed is not None
    confirmed = f"{words.confirmed_on(metrics.confirmed)}"
    tested = f"{format_score(metrics.test)} {format_interval(metrics.test_ci95)} tested once"
    assert selected in finished.printed
    assert f"{format_score(metrics.confirmed.mean)} {confirmed}" in finished.printed
    assert tested in finished.printed
    for text in (selected, "confirmed on resampled folds", "tested once"):
        assert text in page(finished)
        assert text in parent(finished).data.tags["mlflow.note.content"]


def test_every_network_from_scratch_is_told(finished: TrialRecord) -> None:
    result = finished.result
    assert result.from_scratch[0] == result.baseline
    assert {network.architecture for network in result.from_scratch} == {"small_cnn", "tiny"}
    best = max(network.val for network in result.from_scratch)
    assert result.baseline is not None
    assert result.baseline.val == best
    for network in result.from_scratch:
        assert network.test_ci95[0] <= network.test <= network.test_ci95[1]
        assert f"scratch {network.architecture}" in page(finished)
    assert result.linear_probe is not None
    assert result.linear_probe.confirmed is not None
    assert result.baseline.confirmed is not None


def test_the_insights_are_there(finished: TrialRecord) -> None:
    found = finished.result.insights
    assert found.prediction_sets is not None
    assert found.prediction_sets.images == finished.result.dataset.total("test")
    assert all(level.covered <= 1 and level.ci95[0] <= level.covered for level in found.prediction_sets.levels)
    pool = finished.result.dataset.total("train") + finished.result.dataset.total("val")
    assert found.more_data is not None
    assert found.more_data.examined == pool
    assert [point.share for point in found.more_data.points] == [0.25, 0.5, 1.0]
    assert found.label_errors is not None
    assert found.label_errors.examined == pool
    # Some pictures of this data set lie in the wrong folder: they are among the suspects.
    assert any("moved" in suspect.path for suspect in found.label_errors.suspects[:8])
    assert found.calibration is not None
    assert sum(b.images for b in found.calibration.before.bins) == finished.result.dataset.total("test")
    assert found.calibration.fitted_on > 0
    assert found.heat_maps is not None
    assert found.heat_maps.seen
    assert found.heat_maps.images == min(pool, 64)
    assert {item.mistake for item in found.heat_maps.shown} <= {True, False}
    assert all((finished.output / item.overlay).is_file() for item in found.heat_maps.shown)
    assert "Where it looked" in page(finished)


def test_every_saved_model_has_its_temperature_and_the_result_that_of_the_winner(finished: TrialRecord) -> None:
    folders = sorted(path.parent for path in finished.output.glob("*/config.json"))
    assert {"model", "linear_probe", "baseline"} <= {folder.name for folder in folders}
    known = {folder.name: Temperature.of(json.loads((folder / "config.json").read_text())) for folder in folders}
    assert all(temperature is not None and temperature.reason for temperature in known.values())
    calibration, winner = finished.result.insights.calibration, known["model"]
    assert calibration is not None
    assert winner is not None
    assert (winner.value, winner.fitted_on) == (calibration.temperature, calibration.fitted_on)
    assert winner.by_default == calibration.by_default
    assert winner.reason in page(finished)
