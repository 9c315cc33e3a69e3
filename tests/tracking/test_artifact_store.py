"""An artifact store that keeps no files, or not all: records go on, files wait, and all get there when it is mended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tracking import again, check_record, lose, record_something, waiting_files
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import TrackingError
from tlsearch.reporter import SilentReporter
from tlsearch.tracking import sender
from tlsearch.tracking.outbox import Outbox
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.sync import hint_at_sync, sync
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def open_at(store: Path, tmp_path: Path, told: list[str], request: pytest.FixtureRequest) -> Callable[[str], Tracker]:
    """Gives the tracker of an experiment that keeps its files at an address."""

    def open_at(place: str) -> Tracker:
        name = request.node.name
        with quiet():
            MlflowClient(f"sqlite:///{store}/mlflow.db").create_experiment(name, artifact_location=place)
        return again(store, tmp_path, told, name)

    return open_at


def ends(tracker: Tracker, parent: str) -> dict[str, str]:
    """How each run ended."""
    runs = MlflowClient(tracker.uri).search_runs([tracker.experiment_id])
    return {str(run.info.run_name): str(run.info.status) for run in runs}


def test_where_files_cannot_be_kept_all_else_is(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str], store: Path, request: pytest.FixtureRequest
) -> None:
    place = tmp_path / "place"
    place.write_text("a file where the folder of the files should be")
    tracker = open_at(f"file://{place}/files")
    parent = tracker.start_parent("search", {}, {"role": "search"})
    child = record_something(tracker, parent, tmp_path)
    # Metrics, params and the ends of runs are there although nothing with a file is.
    assert ends(tracker, parent) == {"search": "FINISHED", "07 it's": "FAILED"}
    whole = MlflowClient(tracker.uri).get_run(parent)
    assert whole.data.metrics == {"test": 0.4, "megabytes": 3.5}
    assert MlflowClient(tracker.uri).get_run(child).data.params == {"units": "7"}
    assert len(told) == 1
    assert "does not keep files (traceback.txt: [Errno 20] Not a directory: " in told[0]
    assert f"metrics and parameters are recorded all the same, and files wait in {tmp_path}/unsent" in told[0]
    # Told once, however often it is tried, and by an end that is found.
    assert (tracker.send_waiting(), waiting_files(tracker), len(told)) == (6, 6, 1)
    assert tracker.files_trouble.startswith("the model: [Errno 20] Not a directory")
    assert MlflowClient(tracker.uri).search_logged_models([tracker.experiment_id]) == []  # none without its files
    RunConfig(dataset=tmp_path / "images").to_toml(tmp_path / CONFIG_NAME)
    hint_at_sync(told.append, tmp_path)
    assert (
        f"6 files for MLflow wait in {tmp_path}/unsent: `tlsearch sync {tmp_path}` sends them when the art" in told[1]
    )
    with pytest.raises(
        TrackingError, match=r"took 0 writes, and its artifact store does not keep 6 files \(the model: "
    ):
        sync(tmp_path, SilentReporter())
    place.unlink()
    assert sync(tmp_path, SilentReporter()) == 6
    second = again(store, tmp_path, told, request.node.name)
    check_record(second, parent, child)
    second.forget_sent()
    assert not (tmp_path / "unsent").exists()


def test_when_the_time_of_a_run_is_over_no_file_is_begun(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str], store: Path, request: pytest.FixtureRequest
) -> None:
    """A store may be slow: records are sent, files wait for ``tlsearch sync``."""
    tracker = open_at(f"file://{tmp_path}/files")
    parent = tracker.start_parent("search", {}, {"role": "search"})
    tracker.log_text(parent, "in time", "early.txt")
    tracker.keep_files_from(-1.0)
    tracker.log_epoch(parent, 1, {"test": 0.4})
    assert told == []  # no file has to wait
    child = record_something(tracker, parent, tmp_path)
    client = MlflowClient(tracker.uri)
    assert ends(tracker, parent) == {"search": "FINISHED", "07 it's": "FAILED"}
    assert client.get_run(parent).data.metrics == {"test": 0.4, "megabytes": 3.5}
    assert [artifact.path for artifact in client.list_artifacts(parent)] == ["early.txt"]
    assert tracker.send_waiting() == 6
    assert told == [f"the time limit left no time to record all files in MLflow: they wait in {tmp_path}/unsent"]
    RunConfig(dataset=tmp_path / "images").to_toml(tmp_path / CONFIG_NAME)
    assert sync(tmp_path, SilentReporter()) == 6
    check_record(again(store, tmp_path, told, request.node.name), parent, child)


def test_so_late_files_that_wait_are_not_looked_through_at_every_write(
    open_at: Callable[[str], Tracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be large, and a run has many writes left."""
    tracker, looked = open_at(f"file://{tmp_path}/files"), list[bool]()
    parent = tracker.start_parent("search", {}, {"role": "search"})
    send = Outbox.send

    def watched(self: Outbox, apply: Any, *, files: bool = False) -> None:
        looked.append(files)
        send(self, apply, files=files)

    monkeypatch.setattr(Outbox, "send", watched)
    tracker.keep_files_from(-1.0)
    record_something(tracker, parent, tmp_path)
    assert len(Outbox(tmp_path / "unsent")) > 0
    assert True not in looked
    tracker.send_waiting()
    assert True in looked


def test_a_library_that_is_missing_is_named(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # as where it is not installed
    tracker = open_at("s3://bucket/files")
    parent = tracker.start_parent("search", {}, {})
    for number in range(3):
        tracker.log_text(parent, "text", f"{number}.txt")
    tracker.finish(parent, "FINISHED", {"test": 0.5})
    assert ends(tracker, parent) == {"search": "FINISHED"}
    assert len(told) == 1
    assert "does not keep files (0.txt: import of boto3 halted" in told[0]
    assert Outbox(tmp_path / "unsent").files == 3


def test_a_model_that_is_too_large_keeps_no_other_file_back(
    open_at: Callable[[str], Tracker],
    tmp_path: Path,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    store: Path,
    request: pytest.FixtureRequest,
) -> None:
    tracker = open_at(f"file://{tmp_path}/files")
    parent = tracker.start_parent("search", {}, {"role": "search"})
    page = "413 Client Error: Request Entity Too Large for url: http://host/api. Response text: <html>\n<h1>no</h1>"
    monkeypatch.setattr(tracker._client, "log_model_artifacts", failing(OSError(page)))
    child = record_something(tracker, parent, tmp_path)
    tracker.log_text(parent, "later", "later.txt")
    assert waiting_files(tracker) == 5  # the model, its metrics, its version, and what came after it
    assert tracker.send_waiting() == 4
    assert (
        "does not keep files (the model: 413 Client Error: Request Entity Too Large for url: http://host/api);"
        in told[0]
    )
    assert len(told) == 1
    client = MlflowClient(tracker.uri)
    assert {"later.txt", "notes"} <= {artifact.path for artifact in client.list_artifacts(parent)}
    assert client.get_run(parent).data.metrics["test"] == 0.4
    assert client.search_logged_models([tracker.experiment_id]) == []
    second = again(store, tmp_path, told, request.node.name)
    assert second.send_waiting() == 0
    check_record(second, parent, child)


def test_a_slow_failure_of_all_files_takes_its_time_once(
    open_at: Callable[[str], Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = open_at("file:///nowhere")
    parent = tracker.start_parent("search", {}, {})
    calls: list[int] = []
    monkeypatch.setattr(tracker._client, "log_text", failing(OSError("slow"), calls))
    monkeypatch.setattr(sender, "FILES_SECONDS", 0.0)
    for number in range(4):
        tracker.log_text(parent, "text", f"{number}.txt")
    assert len(calls) == 1  # the others are not even tried while the run goes on
    assert tracker.send_waiting() == 4
    assert len(calls) == 2


def test_files_wait_for_a_place_that_is_not_there_now_and_a_file_that_is_gone_is_waited_for_no_more(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str]
) -> None:
    """As where a disk is not mounted, a drive not connected."""
    tracker = open_at("file:///proc/nowhere/files")
    parent = tracker.start_parent("search", {}, {"role": "search"})
    record_something(tracker, parent, tmp_path)
    assert (tracker.send_waiting(), len(told)) == (6, 1)
    assert "does not keep files (traceback.txt: [Errno 2] No such file or directory: '/proc/nowhere" in told[0]
    (tmp_path / "note.txt").unlink()
    (tmp_path / "model" / "model.keras").unlink()
    assert tracker.send_waiting() == 1  # the traceback
    assert "refuses a part of the record" in told[1]


def test_a_store_that_is_away_is_no_artifact_store_that_fails(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = open_at(f"file://{tmp_path}/files")
    parent = tracker.start_parent("search", {}, {})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        patch.setattr(tracker._client, "get_experiment", failing(OSError("the line is dead")))
        tracker.log_text(parent, "text", "a.txt")
    assert "does not answer (the line is dead)" in told[0]
    tracker._sender._silent_until = 0.0
    tracker.log_epoch(parent, 1, {"a": 1.0})  # the next write brings the file along
    tracker.flush()
    assert (waiting_files(tracker), len(told)) == (0, 2)


def test_a_write_that_is_not_allowed_stops_nothing(
    open_at: Callable[[str], Tracker], tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = open_at(f"file://{tmp_path}/files")
    parent = tracker.start_parent("search", {}, {})
    no = MlflowException("Permission denied", error_code=PERMISSION_DENIED)
    monkeypatch.setattr(tracker._client, "log_inputs", failing(no))
    tracker.log_dataset(parent, "images", tmp_path, "f00", {"train": 1})
    tracker.finish(parent, "FINISHED", {"test": 0.5})
    assert ends(tracker, parent) == {"search": "FINISHED"}
    assert [line.partition(" refuses ")[2] for line in told] == ["a part of the record (Permission denied)"]
    # Where nothing is allowed, as when a token has run out, nothing is given up.
    monkeypatch.setattr(tracker._client, "get_experiment", failing(no))
    tracker.log_dataset(parent, "more", tmp_path, "f01", {"train": 1})
    assert "does not answer (Permission denied)" in told[1]
    assert Outbox(tmp_path / "unsent").records == 1


def failing(error: Exception, calls: list[int] | None = None) -> Callable[..., Any]:
    """A call of MLflow that fails."""

    def fail(*args: object, **kwargs: object) -> None:
        (calls if calls is not None else []).append(1)
        raise error

    return fail
