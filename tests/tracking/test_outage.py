"""An MLflow store that does not answer for a while: everything gets there in the end, and once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers.mlflow_server import free_port, mlflow_server
from tlsearch.errors import RunError
from tlsearch.tracking.outbox import Address, Outbox
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from tests.helpers.tracking import again, check_record, lose, record_something

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

Watch = Callable[[str, str], None]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def reopen(store: Path, tmp_path: Path, told: list[str], request: pytest.FixtureRequest) -> Callable[[], Tracker]:
    """Opens the tracker of this test, as each of its processes does."""
    return lambda: again(store, tmp_path, told, request.node.name)


@pytest.fixture
def tracker(reopen: Callable[[], Tracker]) -> Tracker:
    return reopen()


def test_what_a_store_missed_is_sent_when_it_answers(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: list[str]
) -> None:
    parent = tracker.start_parent("search", {}, {"role": "search"})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        child = record_something(tracker, parent, tmp_path)
    assert len(told) == 1
    assert f"does not answer (the line is dead); what is to be recorded is kept in {tmp_path}/unsent" in told[0]
    assert tracker.real(child) == child  # of our own
    tracker._sender._silent_until = 0.0
    assert tracker.send_waiting() == 0
    assert "answers, and what was kept for it is sent (15 of 15 writes)" in told[1]
    check_record(tracker, parent, tracker.real(child))
    assert tracker.with_real_ids(f'"{child}"') == f'"{tracker.real(child)}"'
    tracker.forget_sent()
    assert not (tmp_path / "unsent").exists()


def test_a_call_whose_answer_is_lost_counts_once(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parent = tracker.start_parent("search", {}, {"role": "search"})
    # Every write reaches the store and is then thought to have failed; those behind it wait and are sent later.
    monkeypatch.setattr("tlsearch.tracking.sender.PAUSE_SECONDS", 0.0)
    calls = ("create_run", "log_batch", "set_terminated", "log_text", "log_artifact", "log_inputs", "log_outputs")
    for name in (*calls, "set_experiment_tag", "create_model_version", "set_registered_model_alias"):
        real = getattr(tracker._client, name)
        seen: list[int] = []

        def once(*args: Any, _real: Any = real, _seen: list[int] = seen, **kwargs: Any) -> Any:
            answer = _real(*args, **kwargs)
            _seen.append(1)
            if len(_seen) == 1:
                raise OSError("the line is dead")
            return answer

        monkeypatch.setattr(tracker._client, name, once)
    child = record_something(tracker, parent, tmp_path)
    assert 0 in [tracker.send_waiting() for _ in range(6)]  # the artifact store fails once for each call
    check_record(tracker, parent, tracker.real(child))


@pytest.mark.parametrize("later", [True, False])
def test_a_description_names_a_run_that_was_begun_in_the_dark_as_the_store_does(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    """The description of a search links to its own page."""
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        parent = tracker.start_parent("search", {}, {})
        if later:
            tracker.finish(parent, "FINISHED", tags={"mlflow.note.content": f"#/runs/{parent}"})
    tracker._sender._silent_until = 0.0
    assert tracker.send_waiting() == 0
    if not later:
        tracker.finish(parent, "FINISHED", tags={"mlflow.note.content": f"#/runs/{parent}"})
    real = tracker.real(parent)
    assert real != parent
    assert MlflowClient(tracker.uri).get_run(real).data.tags["mlflow.note.content"] == f"#/runs/{real}"


def test_another_process_sends_what_waits(
    tracker: Tracker, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home, moved = tmp_path / "out", tmp_path / "elsewhere"
    home.mkdir()
    name = request.node.name
    tracker = again(store, home, [], name)
    parent = tracker.start_parent("search", {}, {"role": "search"})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        child = record_something(tracker, parent, home)
    assert Outbox(home / "unsent").address == Address(tracker.uri, name, parent)
    shutil.move(home, moved)  # a run may be moved, or set aside, before that
    second = again(store, moved, [], name)
    assert second.send_waiting() == 0
    check_record(second, parent, second.real(child))
    # A third life still knows our names for what was begun in the first.
    assert again(store, moved, [], name).real(child) == second.real(child)


def test_a_trial_that_was_begun_in_the_dark_is_found_open(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = tracker.start_parent("search", {}, {"role": "search"})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        child = tracker.start_child(parent, "08", {}, {"role": "trial"})
        tracker.finish(parent, "KILLED")
    tracker._sender._silent_until = 0.0
    assert tracker.resume(parent) == {child}
    tracker.finish(child, "KILLED")
    runs = {
        run.info.run_name: run.info.status for run in MlflowClient(tracker.uri).search_runs([tracker.experiment_id])
    }
    assert runs == {"search": "RUNNING", "08": "KILLED"}


def test_what_a_store_refuses_is_told_once_and_stops_nothing(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, told: list[str], tmp_path: Path
) -> None:
    parent = tracker.start_parent("search", {}, {})
    MlflowClient(tracker.uri).delete_run(parent)
    for number in range(3):
        tracker.log_epoch(parent, number, {"a": 1.0})
        tracker.flush()
    assert len(told) == 1
    assert "refuses a part of the record" in told[0]
    other = tracker.start_parent("search", {}, {})
    tracker.finish(other, "FINISHED", {"a": 2.0})
    assert MlflowClient(tracker.uri).get_run(other).data.metrics == {"a": 2.0}
    assert not (tmp_path / "unsent").exists()
    # One that waits does not keep those behind it from being sent.
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        tracker.log_text(parent, "to a run that is gone", "a.txt")
        note(tracker, other, {"b": 3.0})
    tracker._sender._silent_until = 0.0
    assert tracker.send_waiting() == 0
    assert MlflowClient(tracker.uri).get_run(other).data.metrics["b"] == 3.0


def note(tracker: Tracker, run_id: str, metrics: dict[str, float]) -> None:
    """One write."""
    tracker.log_epoch(run_id, 0, metrics)
    tracker.flush()


def test_a_store_that_fails_is_left_alone_for_a_while(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fail(*args: object, **kwargs: object) -> None:
        calls.append(1)
        raise MlflowException("no connection")

    parent = tracker.start_parent("search", {}, {})
    monkeypatch.setattr(tracker._client, "log_batch", fail)
    for number in range(10):
        tracker.log_epoch(parent, number, {"a": 1.0})
        tracker.flush()
    assert len(calls) == 1


def test_a_full_disk_is_an_error(tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parent = tracker.start_parent("search", {}, {})
    lose(monkeypatch, tracker, done=False)
    (tmp_path / "unsent").write_text("a file where the folder should be")
    with pytest.raises(RunError, match=r"cannot hold .* make room there, then go on with `tlsearch resume`"):
        tracker.log_text(parent, "text", "a.txt")


@pytest.mark.parametrize(
    "content",
    ["", '{"write": "create_r', "[1]", '{"write": "set_nothing", "arguments": {}}', "[" * 9999],
    ids=["empty", "cut", "list", "unknown", "deep"],
)
def test_a_damaged_write_is_told_and_left_out(
    tracker: Tracker,
    reopen: Callable[[], Tracker],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    told: list[str],
    content: str,
) -> None:
    parent = tracker.start_parent("search", {}, {})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        lost = tracker.start_child(parent, "lost", {}, {})
        note(tracker, lost, {"a": 1.0})
        note(tracker, parent, {"b": 2.0})
    sorted((tmp_path / "unsent").glob("0*.json"))[0].write_text(content)
    (tmp_path / "unsent" / "ids.json").write_text("[1]")
    second = reopen()
    assert second.send_waiting() == 0
    assert second.sent == 1
    assert "what was kept in" in told[1]
    assert "damaged in parts, which are left out" in told[1]
    assert any("(1 of 3 writes)" in line for line in told)
    assert MlflowClient(tracker.uri).get_run(parent).data.metrics["b"] == 2.0


def test_another_store_at_the_same_address_gets_nothing(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    """As where a server is started again in another folder."""
    parent = tracker.start_parent("search", {}, {})
    with monkeypatch.context() as patch:
        lose(patch, tracker, done=False)
        note(tracker, parent, {"a": 1.0})

    def missing(run_id: str) -> None:
        raise MlflowException(f"Run with id={run_id} not found", error_code=RESOURCE_DOES_NOT_EXIST)

    with monkeypatch.context() as patch:
        patch.setattr(tracker._client, "get_run", missing)
        tracker._sender._silent_until = 0.0
        tracker._sender._warned.clear()
        assert tracker.send_waiting() == 1
    assert "does not hold what was recorded before (Run with id=" in told[-1]
    tracker._sender._silent_until = 0.0
    assert tracker.send_waiting() == 0
    assert MlflowClient(tracker.uri).get_run(parent).data.metrics["a"] == 1.0


def test_a_server_goes_away_and_comes_back(
    tmp_path: Path, told: list[str], tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server, killed and started again on the same records."""
    shutil.copy(tables, tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # for time
    database, log, port = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "server.log", free_port()
    with mlflow_server(database, log, port) as address:
        tracker = Tracker.open(address, "away", directory=tmp_path, unsent=tmp_path / "unsent", warn=told.append)
        parent = tracker.start_parent("search", {}, {"role": "search"})
    child = record_something(tracker, parent, tmp_path)
    assert len(told) == 1
    assert f"the MLflow store {address} does not answer" in told[0]
    with mlflow_server(database, log, port):
        tracker._sender._silent_until = 0.0
        assert tracker.send_waiting() == 0
        check_record(tracker, parent, tracker.real(child))
