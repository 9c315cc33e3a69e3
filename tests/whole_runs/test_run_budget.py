"""Whole runs with a budget for use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, tlsearch
from tlsearch.config import RunConfig
from tlsearch.export.export import ExportOptions, export_model
from tlsearch.predictor import model_megabytes
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient

pytestmark = MARKS


def test_a_run_without_options_has_the_costs_of_all_its_models_and_chose_nothing_by_them(finished: TrialRecord) -> None:
    at_use = finished.result.at_use
    assert at_use is not None
    assert at_use.choice is None
    roles = [model.role for model in at_use.models]
    assert roles[0] == "winner"
    assert "from scratch" in roles
    for model in at_use.models:
        assert model.megabytes is not None
        assert model.within is None
    winner = at_use.models[0]
    assert winner.measured
    assert winner.megabytes == pytest.approx(finished.result.metrics.megabytes)
    assert winner.ms_per_image == pytest.approx(finished.result.metrics.ms_per_image)
    assert any(model.efficient for model in at_use.models)
    estimates = {row.megabytes for row in finished.result.trials if row.role == "trial"}
    assert None not in estimates
    row = next(r for r in finished.result.trials if r.role == "trial" and r.spec == finished.result.winner.spec)
    assert row.megabytes == pytest.approx(model_megabytes(finished.output / "model"))
    page = (finished.output / "report.html").read_text(encoding="utf-8")
    assert "Score against cost at use" in page
    assert (finished.output / "pictures" / "latency.png").exists()
    assert (finished.output / "pictures" / "size.csv").exists()


@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_a_budget_that_excludes_only_the_network_from_scratch_changes_no_trial_and_its_file_is_measured(
    finished: TrialRecord, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3, 3e-3))
    asked = ("--max-size", "1MB", "--max-latency", "5s", "--cache-dir", finished.home / "cache")
    done = tlsearch("run", images, *OPTIONS, *asked, "--output", "out")
    assert done.exit_code == 0, done.output
    run = TrialRecord(tmp_path, done.output)
    assert [(n, s, state, v) for n, s, state, v, _ in run.trials()] == [
        (n, s, state, v) for n, s, state, v, _ in finished.trials()
    ]
    check_choice(run)
    check_record(run)
    assert RunConfig.from_toml(run.output / "run.toml").max_size == 1_000_000


def check_choice(run: TrialRecord) -> None:
    """The plan, the choice and the file that was measured."""
    printed = " ".join(run.printed.split())
    assert "left out of the choice by --max-latency 5s and --max-size 1MB: small_cnn from scratch (" in printed
    choice = run.result.choice
    assert choice is not None
    assert (choice.model, choice.within, choice.max_ms_per_image) == ("model", True, 5000.0)
    assert [network.name for network in choice.excluded] == ["small_cnn from scratch"]
    (file,) = export_model(run.output / "model", ExportOptions(formats=("onnx",), accept_loss=True))
    assert choice.megabytes is not None
    # Its labels and its temperature are inside the exported one, too.
    assert choice.megabytes == pytest.approx(file.path.stat().st_size / 1e6, abs=0.005)
    assert file.path.stat().st_size < 1_000_000
    models = run.result.at_use.models if run.result.at_use is not None else ()
    assert {model.network: model.within for model in models}["small_cnn from scratch"] is False
    rows = {(row.megabytes, row.ms_per_image) for row in run.result.trials if row.role == "trial"}
    assert all(megabytes is not None and megabytes < 1 for megabytes, _ in rows)


def check_record(run: TrialRecord) -> None:
    """What MLflow has of the budget."""
    mlflow, choice = run.result.mlflow, run.result.choice
    assert mlflow is not None
    assert choice is not None
    parent = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id).data
    assert (parent.params["max_size"], parent.params["max_latency"]) == ("1MB", "5s")
    assert parent.tags["within_budget"] == "yes"
    assert parent.metrics["exported_megabytes"] == pytest.approx(choice.megabytes, rel=1e-4)


@pytest.mark.usefixtures("_worker_here", "_with_tables")
def test_an_impossible_budget_is_refused_before_any_training_and_leaves_nothing(images: Path, tmp_path: Path) -> None:
    done = tlsearch("run", images, *OPTIONS, "--max-size", "1KB", "--output", "out")
    assert done.exit_code == 2, done.output
    (sentence,) = [line for line in done.output.splitlines() if line.startswith("error")]
    assert sentence.startswith("error: No network can meet --max-size 1KB: the smallest is tiny@random (")
    assert "Traceback" not in done.output
    assert "profile" not in done.output
    assert not (tmp_path / "out").exists()


def test_the_result_of_an_older_run_has_no_costs(finished: TrialRecord) -> None:
    plain = json.loads((finished.output / "result.json").read_text(encoding="utf-8"))
    del plain["at_use"]
    for row in plain["trials"]:
        del row["megabytes"], row["ms_per_image"]
    old = type(finished.result).from_dict(plain)
    assert old == replace(
        finished.result,
        at_use=None,
        trials=tuple(replace(row, megabytes=None, ms_per_image=None) for row in finished.result.trials),
        output=old.output,
    )
