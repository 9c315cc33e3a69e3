"""What the record in MLflow has of a run and of its trials, and what becomes of those that were interrupted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context
from tests.helpers.tracking import RESULT, TRIAL, recorded_run
from tlsearch.callbacks import EpochInfo
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import CompletedTrial
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Path:
    """A folder whose database has its tables."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copy(tables, folder)
    return folder


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The experiment of this test."""
    return str(request.node.name)


def runs_of(home: Path, name: str) -> dict[str, Run]:
    """Every run of an experiment by its name."""
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def checkpoint_of(folder: Path) -> Checkpoint:
    return make_context(folder).checkpoint


def test_a_trial_is_recorded_below_its_run(home: Path, name: str, tmp_path: Path) -> None:
    record = MlflowCallback(Tracker.open(None, name, directory=home))
    with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        trial = replace(TRIAL, run_id=record.start_trial(TRIAL))
        for number, fold in ((1, 1), (2, 1), (3, 2)):
            numbers = {"epoch": 1.0, "fraction": 0.5, "objective": 0.4, "val_accuracy": 0.4}
            epoch = EpochInfo(number=number, fold=fold, epoch=1.0, fraction=0.5, objective=0.4, metrics=numbers)
            record.on_epoch_end(trial, epoch)
        completed = CompletedTrial(
            result=RESULT, outcome=None, run_id=trial.run_id, epochs=(), extra={"val_gain_over_baseline": 0.25}
        )
        record.on_trial_end(replace(trial, completed=completed), RESULT)
        record.on_best(1, "best_val_accuracy", 0.5)
        record.tracker.flush()
    runs = runs_of(home, name)
    parent, child = runs["search"], runs["01 tuned"]
    assert parent.data.tags["role"] == "search"
    assert parent.data.metrics["best_val_accuracy"] == 0.5
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id == record.parent_run
    assert child.data.tags["plugin.efficientnet_lite0"] == "tlsearch 0.1"
    assert "plugin.other" not in child.data.tags
    assert child.data.tags["frozen_layers"] == ", ".join(f"conv{n}" for n in range(1, 7))
    assert child.data.params["cut_point"] == "block6"
    assert (child.data.metrics["val_accuracy"], child.data.metrics["val_gain_over_baseline"]) == (0.5, 0.25)
    assert child.info.status == "FINISHED"
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    steps = [m.step for m in client.get_metric_history(child.info.run_id, "curve/val_accuracy")]
    assert steps == [1, 2]
    assert [m.step for m in client.get_metric_history(child.info.run_id, "curve of fold 2/val_accuracy")] == [1]


@pytest.mark.parametrize("request_file", ["run.toml", "pretrain.toml"])
def test_a_store_that_keeps_no_files_is_told_before_the_first_trial(
    request_file: str, home: Path, name: str, tmp_path: Path
) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / request_file).write_text("seed = 7\n")
    place = tmp_path / "a file"
    told: list[str] = []
    place.write_text("where the folder of the files should be")
    MlflowClient(f"sqlite:///{home / 'mlflow.db'}").create_experiment(name, artifact_location=f"file://{place}/files")
    unsent = tmp_path / "search" / "unsent"
    record = MlflowCallback(Tracker.open(None, name, directory=home, unsent=unsent, warn=told.append))
    with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        assert len(told) == 1
        assert f"does not keep files ({request_file}: [Errno 20] Not a directory" in told[0]
    place.unlink()
    assert record.tracker.send_waiting() == 0
    kept = MlflowClient(record.tracker.uri).list_artifacts(record.parent_run)
    assert [artifact.path for artifact in kept] == [request_file]


def test_the_ranks_of_trials_order_their_view(home: Path, name: str, tmp_path: Path) -> None:
    record = MlflowCallback(Tracker.open(None, name, directory=home))
    with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        ids = {number: record.start_trial(replace(TRIAL, name=f"0{number} tuned")) for number in (1, 2, 3)}
        for run_id in ids.values():
            record.on_trial_end(replace(TRIAL, run_id=run_id), RESULT)
        record.rank_trials([ids[2], ids[3]], len("02 tuned"))
    runs = runs_of(home, name)
    assert {n: run.data.metrics.get("rank") for n, run in runs.items()} == {
        "search": None, "01 tuned": None, "02 tuned": 1, "03 tuned": 2,
    }  # fmt: skip
    assert [n for n, run in runs.items() if run.data.tags.get("winner")] == ["02 tuned"]
    experiment = MlflowClient(f"sqlite:///{home / 'mlflow.db'}").get_experiment_by_name(name)
    assert experiment is not None
    (view,) = (value for value in experiment.tags.values() if "metrics.`rank`" in value)
    assert (json.loads(view)["orderByKey"], json.loads(view)["orderByAsc"]) == ("metrics.`rank`", True)


def test_a_trial_in_which_the_run_is_interrupted_is_no_trial(home: Path, name: str, tmp_path: Path) -> None:
    record = MlflowCallback(Tracker.open(None, name, directory=home))
    with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        trial = replace(TRIAL, run_id=record.start_trial(TRIAL))
        record.on_trial_interrupted(trial)
        record.on_trial_interrupted(trial)  # it is closed once
        assert record.on_run_failed("", interrupted=True)
    runs = runs_of(home, name)
    assert (runs["01 tuned"].info.status, runs["01 tuned"].data.tags["role"]) == ("KILLED", "interrupted")
    assert runs["search"].info.status == "KILLED"


def test_a_trial_that_was_only_just_started_is_closed_with_its_run(home: Path, name: str, tmp_path: Path) -> None:
    """An interruption waited while it was started: nobody who could name it knows its run."""
    record = MlflowCallback(Tracker.open(None, name, directory=home))
    with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        record.start_trial(TRIAL)
        record.on_trial_interrupted(TRIAL)
        assert record.on_run_failed("", interrupted=True)
    runs = runs_of(home, name)
    assert (runs["01 tuned"].info.status, runs["01 tuned"].data.tags["role"]) == ("KILLED", "interrupted")


def test_what_an_earlier_attempt_completed_but_did_not_close_is_closed(home: Path, name: str, tmp_path: Path) -> None:
    first = MlflowCallback(Tracker.open(None, name, directory=home))
    with first.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        run_id = first.start_trial(TRIAL)
        other = first.start_trial(replace(TRIAL, name="02 lost"))
        first.tracker.flush()
    resumed = MlflowCallback(Tracker.open(None, name, directory=home))
    with resumed.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
        assert resumed.parent_run == first.parent_run
        completed = CompletedTrial(result=RESULT, outcome=None, run_id=run_id, epochs=())
        resumed.on_trial_recalled(replace(TRIAL, run_id=run_id, completed=completed))
        resumed.close_left_open()
    runs = runs_of(home, name)
    assert (runs["01 tuned"].info.status, runs["01 tuned"].data.tags["state"]) == ("FINISHED", "complete")
    assert runs["02 lost"].info.run_id == other
    assert (runs["02 lost"].info.status, runs["02 lost"].data.tags["role"]) == ("KILLED", "interrupted")


def test_the_best_so_far_is_recorded_once_for_each_trial(home: Path, name: str, tmp_path: Path) -> None:
    """A run that is resumed tells of all its trials again."""
    for last in (2, 3):
        record = MlflowCallback(Tracker.open(None, name, directory=home))
        with record.recording(recorded_run(tmp_path), checkpoint_of(tmp_path)):
            for number in range(1, last + 1):
                record.on_best(number, "curve/best_val_accuracy", 0.25 * number)
            record.tracker.flush()
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    history = client.get_metric_history(record.parent_run, "curve/best_val_accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5), (3, 0.75)]


def test_before_work_begins_a_failure_leaves_nothing_to_resume(home: Path, name: str) -> None:
    assert not MlflowCallback(Tracker.open(None, name, directory=home)).on_run_failed("no weights", interrupted=False)
