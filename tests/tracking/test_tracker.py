"""The tracker against real SQLite stores."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.trial_fields import STATUS_OF
from tlsearch.types import State

with quiet():
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run, RunTag


@pytest.fixture
def tracker(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Tracker.open(None, request.node.name, directory=store)


def read(tracker: Tracker, run_id: str) -> Run:
    return MlflowClient(tracker.uri).get_run(run_id)


def test_default_store_is_what_a_bare_ui_opens(store: Path, tracker: Tracker) -> None:
    assert tracker.uri == f"sqlite:///{store}/mlflow.db"
    assert (store / "mlflow.db").is_file()
    assert tracker.ui_command == f"mlflow ui --backend-store-uri sqlite:///{store}/mlflow.db"
    assert tracker.warning == ""
    names = {e.name for e in MlflowClient(f"sqlite:///{store}/mlflow.db").search_experiments()}
    assert {"first", "test_default_store_is_what_a_bare_ui_opens"} <= names


def test_children_lie_below_their_parent(tracker: Tracker) -> None:
    parent = tracker.start_parent("search", {"trials": 40}, {"role": "search"})
    children = [tracker.start_child(parent, f"trial {i}", {"units": i}, {"role": "trial"}) for i in range(3)]
    tracker.flush()
    found = MlflowClient(tracker.uri).search_runs(
        [tracker.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}' and tags.role = 'trial'"
    )
    assert {run.info.run_id for run in found} == set(children)
    assert sorted(run.info.run_name for run in found) == ["trial 0", "trial 1", "trial 2"]
    assert sorted(run.data.params["units"] for run in found) == ["0", "1", "2"]
    assert {run.info.status for run in found} == {"RUNNING"}
    assert "mlflow.parentRunId" not in read(tracker, parent).data.tags


def test_metrics_and_tags_can_be_added_to_a_run_that_is_over(tracker: Tracker) -> None:
    run_id = tracker.start_child(tracker.start_parent("search", {}, {}), "trial", {}, {"role": "trial"})
    tracker.finish(run_id, "FINISHED")
    tracker.add(run_id, {"rank": 1}, {"winner": "yes"})
    run = read(tracker, run_id)
    assert run.data.metrics == {"rank": 1.0}
    assert (run.data.tags["winner"], run.data.tags["role"], run.info.status) == ("yes", "trial", "FINISHED")


def test_run_ends_with_its_status_and_reason(tracker: Tracker) -> None:
    parent = tracker.start_parent("search", {}, {})
    for state, status in STATUS_OF.items():
        run_id = tracker.start_child(parent, state, {}, {})
        tracker.finish(run_id, status, {"val_accuracy": 0.5}, {"state": state}, reason=f"because {state}")
        run = read(tracker, run_id)
        assert run.info.status == status
        assert run.info.end_time >= run.info.start_time
        assert run.data.tags["state"] == state
        assert run.data.tags["reason"] == f"because {state}"
        assert run.data.metrics == {"val_accuracy": 0.5}
    assert set(STATUS_OF.values()) == {"FINISHED", "KILLED", "FAILED"}


def test_traceback_is_kept_as_an_artifact(tracker: Tracker, store: Path) -> None:
    run_id = tracker.start_parent("broken", {}, {})
    tracker.finish(run_id, "FAILED", reason="it broke", traceback="Traceback: x\n")
    tracker.log_dict(run_id, {"a": [1]}, "layers.json")
    (store / "note.txt").write_text("hello")
    tracker.log_artifact(run_id, store / "note.txt", "notes")
    files = Path(read(tracker, run_id).info.artifact_uri.removeprefix("file://"))
    assert files.is_relative_to(store / "mlartifacts")
    assert (files / "traceback.txt").read_text() == "Traceback: x\n"
    assert '"a"' in (files / "layers.json").read_text()
    assert (files / "notes" / "note.txt").read_text() == "hello"


def test_every_epoch_is_in_the_history(tracker: Tracker) -> None:
    run_id = tracker.start_parent("trial", {}, {})
    for step in range(5):
        tracker.log_epoch(run_id, step, {"val_loss": 1.0 - step / 10, "objective": math.nan})
    tracker.log_epoch(run_id, 0, {"seconds": 3.5})
    tracker.flush()
    history = MlflowClient(tracker.uri).get_metric_history(run_id, "val_loss")
    assert [(m.step, round(m.value, 6)) for m in history] == [(i, round(1 - i / 10, 6)) for i in range(5)]
    assert read(tracker, run_id).data.metrics == {"val_loss": 0.6, "seconds": 3.5}


def test_epochs_are_buffered(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = tracker.start_parent("trial", {}, {})
    calls: list[int] = []
    send = tracker._client.log_batch

    def count(run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]) -> None:
        calls.append(len(metrics))
        send(run_id, metrics, params, tags)

    monkeypatch.setattr(tracker._client, "log_batch", count)
    for step in range(2500):
        tracker._buffer._flushed_at = math.inf  # no time passes
        tracker.log_epoch(run_id, step, {"loss": 1.0})
    assert calls == []
    tracker.flush()
    assert calls == [1000, 1000, 500]
    assert len(MlflowClient(tracker.uri).get_metric_history(run_id, "loss")) == 2500


def test_a_short_trial_takes_three_calls(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = tracker.start_parent("search", {}, {})
    calls: list[str] = []

    def watch(name: str) -> None:
        real = getattr(tracker._client, name)

        def watched(*args: object, **kwargs: object) -> object:
            calls.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(tracker._client, name, watched)

    for name in (name for name in dir(tracker._client) if name.startswith(("create_", "log_", "set_", "update_"))):
        watch(name)
    tracker._buffer._flushed_at = math.inf  # no time passes
    run_id = tracker.start_child(parent, "trial", {"units": 3}, {"role": "trial"})
    for step in range(1, 10):
        tracker.log_epoch(run_id, step, {"curve/loss": 1.0 / step})
    tracker.finish(run_id, "FINISHED", {"val_accuracy": 0.5}, {"state": "complete", "mlflow.note.content": "fine"})
    assert calls == ["create_run", "log_batch", "set_terminated"]
    run = read(tracker, run_id)
    assert run.data.params == {"units": "3"}
    assert run.data.metrics == {"curve/loss": pytest.approx(1 / 9), "val_accuracy": 0.5}
    assert (run.data.tags["role"], run.data.tags["state"], run.data.tags["mlflow.note.content"]) == (
        "trial", "complete", "fine",
    )  # fmt: skip


def test_filters_by_tag_find_their_runs(tracker: Tracker) -> None:
    parent = tracker.start_parent("search", {}, {"role": "search"})
    tried: list[tuple[str, State]] = [("vgg16", "complete"), ("vgg16", "pruned"), ("resnet50", "failed")]
    for backbone, state in tried:
        run_id = tracker.start_child(parent, backbone, {}, {"role": "trial", "backbone": backbone})
        tracker.finish(run_id, STATUS_OF[state], tags={"state": state})

    def found(text: str) -> int:
        return len(MlflowClient(tracker.uri).search_runs([tracker.experiment_id], text))

    assert found("tags.role = 'trial'") == 3
    assert found("tags.role = 'search'") == 1
    assert found("tags.backbone = 'vgg16'") == 2
    assert found("tags.state = 'pruned'") == 1


def test_the_data_set_is_an_input_of_the_run(tracker: Tracker, tmp_path: Path) -> None:
    run_id = tracker.start_parent("search", {}, {})
    tracker.log_dataset(run_id, "my images", tmp_path / "my images", "f00" * 20, {"train": 30, "val": 9})
    inputs = read(tracker, run_id).inputs
    assert inputs is not None
    (one,) = inputs.dataset_inputs
    assert (one.dataset.name, one.dataset.digest) == ("my images", "f00f00f00f00f00f")
    assert json.loads(one.dataset.source) == {"uri": f"file://{tmp_path}/my%20images"}
    assert json.loads(one.dataset.profile or "") == {"train": 30, "val": 9}


def test_long_and_many_params_are_kept(tracker: Tracker) -> None:
    params = {f"p{i}": i for i in range(230)}
    run_id = tracker.start_parent("wide", {**params, "long": "x" * 9000}, {"long": "y" * 9000})
    run = read(tracker, run_id)
    assert len(run.data.params) == 231
    assert len(run.data.params["long"]) == 6000
    assert len(run.data.tags["long"]) == 5000


def test_an_experiment_is_found_again(tracker: Tracker, store: Path) -> None:
    again = Tracker.open(f"sqlite:///{store}/mlflow.db", "test_an_experiment_is_found_again", directory=store)
    assert again.experiment_id == tracker.experiment_id


def test_two_runs_may_make_the_database_at_once(tmp_path: Path) -> None:
    code = (
        "from tlsearch.tracking.tracker import Tracker\n"
        "print(Tracker.open('sqlite:///mlflow.db', 'both').start_parent('search', {}, {}))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    run_ids = {process.communicate(timeout=120)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    with quiet():
        client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
        experiment = client.get_experiment_by_name("both")
    assert experiment is not None
    assert {run.info.run_id for run in client.search_runs([experiment.experiment_id])} == run_ids
    assert len(run_ids) == 2


def test_a_deleted_experiment_is_a_sentence(tracker: Tracker, store: Path) -> None:
    MlflowClient(tracker.uri).delete_experiment(tracker.experiment_id)
    with pytest.raises(TrackingError, match=r"was deleted: bring it back with `mlflow") as caught:
        Tracker.open(None, "test_a_deleted_experiment_is_a_sentence", directory=store)
    assert caught.value.exit_code == 2


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be looked at as one" * 30)
    with pytest.raises(TrackingError, match="is no database of SQLite: name another file"):
        Tracker.open(f"sqlite:///{tmp_path}/mlflow.db", "x", directory=tmp_path)


@pytest.mark.parametrize("output", ["/runs/shoes 1", "/runs/my friend's shoes"])
def test_what_a_dead_process_left_open_is_found_and_closed(
    tracker: Tracker, store: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tracker.start_parent("search", {}, {"role": "search", "output": output})
    other = tracker.start_parent("search", {}, {"role": "search", "output": "/runs/hats"})
    over = tracker.start_child(parent, "01", {}, {})
    tracker.finish(over, "FINISHED")
    left = tracker.start_child(parent, "02", {}, {})
    tracker.finish(parent, "KILLED")
    assert tracker.resume(parent) == {left}
    client = MlflowClient(tracker.uri)
    with monkeypatch.context() as patch:  # containers often have folders of the same name, and share a server
        patch.setattr("tlsearch.tracking.tracker.platform.node", lambda: "another-machine")
        tracker.close_left_open(output)
    assert client.get_run(parent).info.status == "RUNNING"
    tracker.close_left_open(output)
    assert client.get_run(parent).info.status == "KILLED"
    assert client.get_run(other).info.status == "RUNNING"
    assert tracker.resume("") == set()
