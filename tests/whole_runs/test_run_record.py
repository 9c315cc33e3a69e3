"""What MLflow holds of a whole run."""

from __future__ import annotations

import html
import re

import numpy as np
import optuna
import pytest

from tests.helpers.runs.small_run import MARKS, TrialRecord
from tlsearch.results.flatten import compared_metrics
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.ui_view import CHART_PARAMS, TAG_PREFIX

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = MARKS


def children(finished: TrialRecord) -> dict[str, Run]:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    found = client.search_runs(
        [mlflow.experiment_id], f"tags.`mlflow.parentRunId` = '{mlflow.parent_run_id}'", max_results=100
    )
    return {run.info.run_id: run for run in found}


def test_a_bare_mlflow_ui_where_the_run_started_shows_it(finished: TrialRecord) -> None:
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
    assert {"report.html", "result.json", "trials.csv", "run.toml", "pictures", "heat-maps"} <= artifacts
    assert parent.inputs is not None
    (data,) = (one.dataset for one in parent.inputs.dataset_inputs)
    assert finished.result.dataset.fingerprint.startswith(data.digest)
    assert len(data.digest) == 16
    assert "system/cpu_utilization_percentage" in parent.data.metrics


def test_the_parent_tells_the_whole_story(finished: TrialRecord) -> None:
    mlflow, result = finished.result.mlflow, finished.result
    assert mlflow is not None
    note = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id).data.tags["mlflow.note.content"]
    assert result.command in note
    assert f"seed {result.plan.seed}" in note
    assert f"- winner: {result.winner.label}" in note
    assert "7 trials (" in note
    with quiet():
        artifacts = {a.path for a in MlflowClient(mlflow.tracking_uri).list_artifacts(mlflow.parent_run_id)}
    linked = set(
        re.findall(rf"#/experiments/{mlflow.experiment_id}/runs/{mlflow.parent_run_id}/artifacts/(\S+?)\)", note)
    )
    assert linked == {"report.html", "result.json", "trials.csv", "pictures", "figures.json"} & artifacts
    assert len(linked) == 5
    assert mlflow.view in finished.printed
    assert mlflow.search in finished.printed
    page = html.unescape((finished.output / "report.html").read_text(encoding="utf-8"))
    assert f'<a href="{mlflow.search}" target="_blank" rel="noreferrer">the search out</a>' in page
    assert f"[the trials, best first](#{mlflow.view.partition('#')[2]})" in note
    assert f"[all searches](#{mlflow.searches.partition('#')[2]})" in note
    key = mlflow.view.partition("?viewStateShareKey=")[2]
    experiment = MlflowClient(mlflow.tracking_uri).get_experiment(mlflow.experiment_id)
    assert mlflow.parent_run_id in experiment.tags[TAG_PREFIX + key]


def test_the_best_value_so_far_is_there_after_every_trial(finished: TrialRecord) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    points = MlflowClient(mlflow.tracking_uri).get_metric_history(mlflow.parent_run_id, "curve/best_val_accuracy")
    trials = [row for row in finished.result.trials if row.role == "trial"]
    first = next(row.number for row in trials if row.value is not None)
    assert [point.step for point in points] == [row.number for row in trials if row.number >= first]
    assert points[-1].value in [pytest.approx(row.value, abs=1e-5) for row in trials if row.value is not None]


def test_every_trial_is_a_run_below_the_parent(finished: TrialRecord) -> None:
    runs = children(finished)
    rows = finished.result.trials
    assert {r.run_id for r in rows} == set(runs)
    wanted = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED", "timed_out": "KILLED"}
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
        assert params["augmentation"] == row.spec.policy
        assert row.label in run.info.run_name
        numbers = [float(params[name]) for name in CHART_PARAMS]  # the chart leaves out a run that lacks one
        assert numbers[:2] == pytest.approx([row.spec.freeze_depth / row.spec.depth, row.spec.units], rel=1e-5)
        assert tags["search"] == "out"
        assert tags["mlflow.note.content"].startswith(row.label)
        where = "" if row.state == "complete" else "stopped/"
        assert metrics[f"{where}val_accuracy"] == pytest.approx(row.metrics["val_accuracy"], rel=1e-4)
        assert ("val_accuracy" in metrics) == (row.state == "complete")
        assert metrics["seconds"] > 0
        assert metrics["trainable_params"] > 0
        if row.spec.backbone == "tiny":
            assert tags["plugin.tiny"] == "tiny-backbone 1.5"


def test_the_winner_and_the_answers_are_tags(finished: TrialRecord) -> None:
    mlflow, result = finished.result.mlflow, finished.result
    assert mlflow is not None
    assert result.verdict is not None
    runs = children(finished)
    won = [run_id for run_id, run in runs.items() if run.data.tags.get("winner") == "yes"]
    assert won == [row.run_id for row in result.trials if row.role == "trial" and row.spec == result.winner.spec]
    ranks = {
        run.data.metrics["rank"]: run_id for run_id, run in children(finished).items() if "rank" in run.data.metrics
    }
    complete = [row for row in result.trials if row.role == "trial" and row.state == "complete"]
    assert sorted(ranks) == list(range(1, len(complete) + 1))
    assert ranks[1] == won[0]
    tags = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id).data.tags
    assert (tags["model_to_use"], tags["pretraining_helped"]) == (result.verdict.model, result.verdict.pretraining)
    assert tags.get("search_paid") == result.verdict.search


def test_metrics_are_what_runs_are_compared_by(finished: TrialRecord) -> None:
    """MLflow draws a chart of each, and one of a single number has one bar."""
    mlflow, result = finished.result.mlflow, finished.result
    assert mlflow is not None
    found = MlflowClient(mlflow.tracking_uri).get_run(mlflow.parent_run_id).data.metrics
    plain = {name: value for name, value in found.items() if not name.startswith("system/")}
    assert plain == {**compared_metrics(result), "curve/best_val_accuracy": plain["curve/best_val_accuracy"]}
    assert len(plain) <= 8
    for row in result.trials:
        if row.role == "trial" and row.state == "complete":
            single = {n for n in children(finished)[row.run_id or ""].data.metrics if not n.startswith("curve")}
            assert single <= {
                "rank", "val_accuracy", "val_loss", "train_accuracy", "trainable_params", "seconds",
                "val_gain_over_baseline", "val_gain_over_linear_probe", "val_on_shared_folds",
            }  # fmt: skip


def test_the_page_of_the_model_says_what_it_is(finished: TrialRecord) -> None:
    mlflow, result = finished.result.mlflow, finished.result
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    (model,) = client.search_logged_models([mlflow.experiment_id])
    note = model.tags["mlflow.note.content"]
    assert f'mlflow.set_tracking_uri("{mlflow.tracking_uri}")' in note
    assert f'load_model("models:/{model.model_id}")' in note
    assert ", ".join(result.dataset.classes) in note
    assert model.params is not None
    assert (model.params["configuration"], model.params["classes"]) == (result.winner.label, "3")
    inputs = client.get_run(mlflow.parent_run_id).inputs
    assert inputs is not None
    (data,) = (given.dataset for given in inputs.dataset_inputs)
    assert model.metrics is not None
    of_images = {
        m.key: m.value for m in model.metrics if (m.dataset_name, m.dataset_digest) == (data.name, data.digest)
    }
    assert of_images["test"] == pytest.approx(result.metrics.test, abs=1e-4)
    assert {m.key for m in model.metrics} == set(compared_metrics(result))
    assert {m.key for m in model.metrics} - set(of_images) == {"megabytes", "ms_per_image"}


def test_frozen_layers_are_recorded(finished: TrialRecord) -> None:
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
        assert run.data.tags["frozen_layers"] == ", ".join(f"conv{n}" for n in range(1, depth + 1))


def test_the_names_of_runs_are_sorted_and_say_what_they_are(finished: TrialRecord) -> None:
    runs = children(finished)
    names: dict[str, list[str]] = {role: [] for role in ("trial", "baseline", "confirmation")}
    for row in finished.result.trials:
        names[row.role].append(runs[row.run_id or ""].info.run_name or "")
    trials = [row for row in finished.result.trials if row.role == "trial"]
    assert names["trial"] == [f"{row.number:02} {row.label}" for row in trials] == sorted(names["trial"])
    assert all(
        re.fullmatch(r"baseline \w+ from scratch linear head standard 0\.50 lr [\d.]+", n) for n in names["baseline"]
    )
    assert all(re.match(r"confirm (\d\d|baseline) fold \d (seed \d )?\w", name) for name in names["confirmation"])


def test_epochs_and_the_gain_are_recorded(finished: TrialRecord) -> None:
    mlflow = finished.result.mlflow
    assert mlflow is not None
    client = MlflowClient(mlflow.tracking_uri)
    runs = children(finished)
    assert finished.result.baseline is not None
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{finished.output / 'study.db'}")
    told = [trial.user_attrs["finished"] for trial in study.trials if "finished" in trial.user_attrs]
    first_folds = {kept["number"]: kept["fold_values"][0] for kept in told if kept["fold_values"]}
    for row in finished.result.trials:
        if row.role != "trial" or row.state != "complete" or row.value is None:
            continue
        metrics = runs[row.run_id or ""].data.metrics
        assert metrics["val_accuracy"] == pytest.approx(row.value, rel=1e-4)
        # The network from scratch was trained on the first fold.
        gain = first_folds[row.number] - finished.result.baseline.val
        assert metrics["val_gain_over_baseline"] == pytest.approx(gain, abs=1e-4)
        folds = [
            sorted(client.get_metric_history(row.run_id or "", f"{section}/val_accuracy"), key=lambda m: m.step)
            for section in ("curve", "curve of fold 2")
        ]
        assert [[point.step for point in points] for points in folds] == (
            [[], []] if row.spec.is_linear_probe else [[1, 2, 3, 4], [1, 2, 3, 4]]
        )
        if not row.spec.is_linear_probe:
            # The value is the mean over folds of the last three epochs, never the best one.
            assert np.mean([point.value for points in folds for point in points[1:]]) == pytest.approx(row.value)
        assert [m.step for m in client.get_metric_history(row.run_id or "", "val_accuracy")] == [0]
