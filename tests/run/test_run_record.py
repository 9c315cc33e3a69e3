"""What MLflow holds of a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_run import MARKS, Finished

from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = MARKS


def children(finished: Finished) -> dict[str, Run]:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    found = client.search_runs(
        [mlflow.experiment_id], f"tags.`mlflow.parentRunId` = '{mlflow.parent_run_id}'", max_results=100
    )
    return {run.info.run_id: run for run in found}


def test_a_bare_mlflow_ui_where_the_run_started_shows_it(finished: Finished) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    assert mlflow.tracking_uri == f"sqlite:///{finished.home}/mlflow.db"
    assert mlflow.ui_command in finished.printed
    parent = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["role"] == "search"
    assert parent.data.params["candidates"] == "tiny@random"
    assert parent.data.metrics["test"] == pytest.approx(finished.result.metrics.test)
    artifacts = {a.path for a in MlflowClient(mlflow.tracking_uri).list_artifacts(mlflow.parent_run_id)}
    assert {"report.html", "result.json", "trials.csv"} <= artifacts


def test_every_trial_is_a_run_below_the_parent(finished: Finished) -> None:
    runs = children(finished)
    rows = finished.result.trials
    assert {r.run_id for r in rows} == set(runs)
    wanted = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "censored": "KILLED"}
    fingerprint = finished.result.dataset.fingerprint
    for row in rows:
        run = runs[row.run_id or ""]
        tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
        assert run.info.status == wanted[row.state]
        assert run.info.end_time is not None
        assert (tags["role"], tags["state"], tags["backbone"]) == (row.role, row.state, row.spec.backbone)
        assert (tags["weights"], tags["seed"]) == (row.spec.weights or "none", "0")
        assert tags["dataset_fingerprint"] == fingerprint
        assert params["freeze_depth"] == str(row.spec.freeze_depth)
        assert params["policy"] == row.spec.policy
        assert metrics["val_accuracy"] == pytest.approx(row.metrics["val_accuracy"])
        assert metrics["seconds"] > 0
        assert metrics["trainable_params"] > 0
        if row.spec.backbone == "tiny":
            assert tags["plugin.tiny"] == "tiny-backbone 1.5"


def test_frozen_layers_are_recorded(finished: Finished) -> None:
    runs = children(finished)
    mlflow = finished.result.mlflow
    assert mlflow is not None
    frozen = [r for r in finished.result.trials if r.role == "trial" and r.spec.freeze_depth]
    assert len({r.spec.freeze_depth for r in frozen}) > 1
    for row in frozen:
        run = runs[row.run_id or ""]
        depth = row.spec.freeze_depth
        assert run.data.params["cut_point"] == f"cut{depth}"
        assert run.data.params["frozen_layers"] == str(depth)
    last = next(r for r in frozen if r.spec.freeze_depth == 3)
    with quiet():
        file = MlflowClient(mlflow.tracking_uri).download_artifacts(last.run_id or "", "frozen_layers.json")
    assert json.loads(Path(file).read_text()) == {"frozen_layers": ["conv1", "conv2", "conv3"]}


def test_epochs_and_the_gain_are_recorded(finished: Finished) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    runs = children(finished)
    assert finished.result.baseline is not None
    for row in finished.result.trials:
        if row.role != "trial" or row.state != "complete" or row.value is None:
            continue
        metrics = runs[row.run_id or ""].data.metrics
        assert metrics["objective"] == pytest.approx(row.value)
        assert metrics["val_gain_over_baseline"] == pytest.approx(
            metrics["val_accuracy"] - metrics["baseline_val_accuracy"]
        )
        epochs = client.get_metric_history(row.run_id or "", "val_loss")
        assert len(epochs) == (1 if row.spec.solved else 2 * 4 + 1)  # four epochs on each of two folds
        if not row.spec.solved:
            # The value is the mean over folds of the last three epochs, never the best one.
            points = sorted(client.get_metric_history(row.run_id or "", "objective"), key=lambda m: m.step)
            counting = [point.value for fold in (points[:4], points[4:8]) for point in fold[1:]]
            assert np.mean(counting) == pytest.approx(row.value)
