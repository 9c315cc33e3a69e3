"""A project that was moved or copied together with its database, and a database that is gone when a run is resumed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context
from tests.helpers.tracking import RESULT, TRIAL, lose, recorded_run
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import CompletedTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.preflight import open_record
from tlsearch.reporter import SilentReporter
from tlsearch.tracking.outbox import Outbox
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.sync import sync
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Run

EPOCHS = tuple({"epoch": float(n), "fraction": n / 2, "val_accuracy": 0.25 * n} for n in (1, 2))


@pytest.fixture
def project(tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database and an output folder in it, which is the working directory."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "project"
    (folder / "out").mkdir(parents=True)
    shutil.copy(tables, folder)
    monkeypatch.chdir(folder)
    return folder


def tracker_of(project: Path, told: list[str]) -> Tracker:
    return Tracker.open(None, "pets", directory=project, unsent=project / "out" / "unsent", warn=told.append)


def context_of(project: Path) -> RunContext:
    """A run of images elsewhere into the folder ``out``."""
    return replace(make_context(project), config=RunConfig(dataset=project.parent / "images"))


def runs_in(project: Path) -> dict[str, Run]:
    """Every run by its name."""
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    found = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert len({run.info.run_name for run in found}) == len(found)
    return {str(run.info.run_name): run for run in found}


def test_a_run_goes_on_in_the_database_that_was_moved_with_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_record(context_of(project))
    with first.recording(recorded_run(project), context_of(project).checkpoint):
        pass
    moved = project.rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resumed = open_record(context_of(moved))
    assert resumed.tracker.uri == f"sqlite:///{moved / 'mlflow.db'}"
    with resumed.recording(recorded_run(moved), context_of(moved).checkpoint):
        assert resumed.parent_run == first.parent_run
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert list(runs_in(moved)) == ["search"]


def test_a_database_that_was_moved_alone_is_found_where_the_run_is_resumed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = project / "records"
    records.mkdir()
    (project / "mlflow.db").rename(records / "mlflow.db")
    monkeypatch.chdir(records)
    assert open_record(context_of(project)).tracker.uri == f"sqlite:///{records / 'mlflow.db'}"
    moved = records.rename(tmp_path / "moved")
    monkeypatch.chdir(moved)
    assert open_record(context_of(project)).tracker.uri == f"sqlite:///{moved / 'mlflow.db'}"


def finish_in_the_dark(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Begin a search and end it while its store does not answer, so that its end waits; gives its parent run."""
    tracker = tracker_of(project, [])
    parent = tracker.start_parent("search", {}, {"role": "search"})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        tracker.finish(parent, "FINISHED", {"test": 0.5})
    return parent


def test_what_waits_is_sent_to_the_database_that_was_moved_with_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_in_the_dark(project, monkeypatch)
    RunConfig(dataset=tmp_path / "images", output=project / "out").to_toml(project / "out" / CONFIG_NAME)
    moved = project.rename(tmp_path / "moved")
    assert sync(moved / "out", SilentReporter()) == 2
    run = runs_in(moved)["search"]
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"test": 0.5})
    assert [file.name for file in project.iterdir()] == ["mlartifacts"]  # a link


def test_what_waits_knows_its_database_once_a_run_was_resumed_elsewhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = finish_in_the_dark(project, monkeypatch)
    moved = project.rename(tmp_path / "moved")
    tracker_of(moved, [])
    address = Outbox(moved / "out" / "unsent").address
    assert address is not None
    assert (address.uri, address.run) == (f"sqlite:///{moved / 'mlflow.db'}", parent)


def test_files_are_found_where_they_were_moved_to(project: Path, tmp_path: Path) -> None:
    """MLflow keeps their addresses: both those of before and new ones lie beside the database."""
    told: list[str] = []
    first = tracker_of(project, told)
    parent = first.start_parent("search", {}, {})
    first.log_text(parent, "before", "one.txt")
    assert told == []
    moved = project.rename(tmp_path / "moved")
    tracker = tracker_of(moved, told)
    former, now = project / "mlartifacts", moved / "mlartifacts"
    assert told == [f"MLflow looks for files in {former}, from where they were moved: that is a link to {now} now"]
    tracker.log_text(parent, "after", "two.txt")
    client = MlflowClient(tracker.uri)
    assert [file.path for file in client.list_artifacts(parent)] == ["one.txt", "two.txt"]
    assert sorted(file.name for file in now.rglob("*.txt")) == ["one.txt", "two.txt"]
    tracker_of(moved, told)
    assert len(told) == 1
    again = moved.rename(tmp_path / "again")  # the first link leads nowhere now
    client = MlflowClient(tracker_of(again, told).uri)
    assert told[1].endswith(f"that is a link to {again / 'mlartifacts'} now")
    assert [file.path for file in client.list_artifacts(parent)] == ["one.txt", "two.txt"]


def test_files_of_a_project_that_was_copied_go_into_the_first_one_which_is_told(project: Path, tmp_path: Path) -> None:
    told: list[str] = []
    parent = tracker_of(project, told).start_parent("search", {}, {})
    (project / "mlartifacts").mkdir(exist_ok=True)
    copy = Path(shutil.copytree(project, tmp_path / "copy"))
    tracker = tracker_of(copy, told)
    (sentence,) = told
    assert f"files of the MLflow experiment 'pets' go into {project / 'mlartifacts'}, beside which" in sentence
    assert f"copied or moved to {copy}: choose another --experiment" in sentence
    tracker.log_text(parent, "after", "two.txt")
    assert [file.name for file in project.rglob("*.txt")] == ["two.txt"]
    Tracker.open(None, "other", directory=copy, warn=told.append)
    assert len(told) == 1


def test_a_record_that_is_gone_is_made_anew_with_all_trials(project: Path, tables: Path) -> None:
    told: list[str] = []
    run = recorded_run(project)
    first = MlflowCallback(tracker_of(project, told))
    with first.recording(run, context_of(project).checkpoint):
        done = replace(TRIAL, run_id=first.start_trial(TRIAL))
        first.on_trial_end(done, RESULT)
    shutil.copy(tables, project)  # somebody has deleted the database, and another run has made a new one
    resumed = MlflowCallback(tracker_of(project, told))
    completed = CompletedTrial(
        result=RESULT, outcome=None, run_id=done.run_id, epochs=EPOCHS, extra={"val_gain_over_baseline": 0.25}
    )
    with resumed.recording(run, context_of(project).checkpoint):
        assert resumed.parent_run != first.parent_run
        for _ in range(2):  # it is recorded once
            resumed.on_trial_recalled(replace(done, completed=completed))
        new = replace(TRIAL, name="02 new")
        new = replace(new, run_id=resumed.start_trial(new))
        resumed.on_trial_end(new, RESULT)
        # Networks from scratch are told so even where this attempt has trained them.
        resumed.on_trial_recalled(replace(new, completed=replace(completed, run_id=new.run_id)))
        resumed.rank_trials([done.run_id, new.run_id], 8)
        resumed.tracker.flush()
    assert told == [f"the MLflow store {resumed.tracker.uri} no longer has the record of this run: it is recorded anew"]
    runs = runs_in(project)
    assert set(runs) == {"search", "01 tuned", "02 new"}
    child = runs["01 tuned"]
    assert child.data.tags["mlflow.parentRunId"] == runs["search"].info.run_id == resumed.parent_run
    assert (child.info.status, child.data.tags["state"]) == ("FINISHED", "complete")
    assert (child.data.metrics["val_accuracy"], child.data.metrics["val_gain_over_baseline"]) == (0.5, 0.25)
    assert {name: one.data.metrics.get("rank") for name, one in runs.items()} == {
        "search": None, "01 tuned": 1, "02 new": 2,
    }  # fmt: skip
    history = MlflowClient(resumed.tracker.uri).get_metric_history(child.info.run_id, "curve/val_accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5)]
    # Interrupted and resumed once more, it knows the trial by its former id.
    again = MlflowCallback(tracker_of(project, told))
    with again.recording(run, context_of(project).checkpoint):
        assert again.parent_run == resumed.parent_run
        again.on_trial_recalled(replace(done, completed=completed))
        assert again.tracker.with_real_ids(done.run_id) == child.info.run_id
    assert set(runs_in(project)) == {"search", "01 tuned", "02 new"}


def test_a_run_that_was_deleted_in_the_ui_is_made_anew(project: Path) -> None:
    told: list[str] = []
    first = MlflowCallback(tracker_of(project, told))
    with first.recording(recorded_run(project), context_of(project).checkpoint):
        pass
    MlflowClient(first.tracker.uri).delete_run(first.parent_run)
    resumed = MlflowCallback(tracker_of(project, told))
    with resumed.recording(recorded_run(project), context_of(project).checkpoint):
        assert resumed.parent_run != first.parent_run
    assert "no longer has the record of this run" in told[-1]
