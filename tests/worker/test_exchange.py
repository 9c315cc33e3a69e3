"""What a worker and its parent say to each other, with a process that starts at once: events, deaths, setups."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.workers.parrot import PARROT, Counted, Other, Pool, Repeat, Timed
from tests.helpers.workers.processes import ahead_of, process_of
from tlsearch.errors import OutOfTimeError
from tlsearch.types import Decision
from tlsearch.worker import client as worker_client
from tlsearch.worker.client import WorkerClient, WorkerDiedError
from tlsearch.worker.events import Event, WorkProgress
from tlsearch.worker.protocol import Request


@pytest.fixture
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerClient]:
    """A worker whose process only sends an event and repeats what it gets: it starts at once."""
    start = subprocess.Popen

    def instead(command: list[str], **options: Any) -> Any:
        assert command == [sys.executable, "-P", "-m", "tlsearch.worker"]
        return start([sys.executable, "-c", PARROT], **options)

    monkeypatch.setattr(subprocess, "Popen", instead)
    with WorkerClient(tmp_path / "worker.log") as worker:
        yield worker


def test_a_listener_gets_events_and_decides(parrot: WorkerClient) -> None:
    events: list[Event] = []

    def prune(event: Event) -> Decision:
        events.append(event)
        return Decision.PRUNE

    assert parrot.send(Repeat(text="first"), prune) == ("first", "prune")
    assert events == [WorkProgress("first", 1, 2)]
    assert parrot.send(Repeat(text="second")) == ("second", "continue")


def test_an_interrupted_exchange_is_not_continued(parrot: WorkerClient) -> None:
    """Else its reply would be taken for that of the next request."""

    def interrupt(event: Event) -> Decision:
        raise KeyboardInterrupt

    assert parrot.send(Repeat(text="first")) == ("first", "continue")
    first = process_of(parrot)
    with pytest.raises(KeyboardInterrupt):
        parrot.send(Repeat(text="second"), interrupt)
    assert first.returncode is not None
    assert parrot.send(Repeat(text="third")) == ("third", "continue")
    assert process_of(parrot) is not first


def test_what_does_not_end_in_time_is_ended(parrot: WorkerClient) -> None:
    """As where a plugin hangs; the next request starts another process."""
    assert parrot.send(Timed(text="in time", seconds=100.0)) == ("in time", "continue")
    first = process_of(parrot)
    with pytest.raises(OutOfTimeError, match="its time was over, and the worker process that answered a request did"):
        parrot.send(Timed(text="hang", seconds=0.1))
    assert parrot.send(Timed(text="again")) == ("again", "continue")
    assert process_of(parrot) is not first


def test_an_error_of_the_listener_is_no_death(parrot: WorkerClient) -> None:
    def fail(event: Event) -> Decision:
        raise ValueError("a fault of the parent")

    with pytest.raises(ValueError, match="a fault of the parent"):
        parrot.send(Repeat(text="first"), fail)


@pytest.mark.parametrize("request_", [Repeat(half=True), Repeat(text="nonsense")], ids=["half", "nonsense"])
def test_what_is_no_reply_is_a_death(parrot: WorkerClient, request_: Repeat) -> None:
    with pytest.raises(WorkerDiedError, match="ended with code 0 while it answered a request"):
        parrot.send(request_)
    assert parrot.send(Repeat(text="ask")) == ("ask", "continue")


def test_setup_is_repeated_in_order_and_as_it_was_sent_last(
    parrot: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Request[Any]] = []
    exchange = WorkerClient._exchange

    def spy(worker: WorkerClient, request: Request[Any], listener: Any) -> Any:
        seen.append(request)
        return exchange(worker, request, listener)

    monkeypatch.setattr(WorkerClient, "_exchange", spy)
    setups = [Pool(text="1"), Other(text="2"), Pool(text="3")]
    for setup in setups:
        parrot.send(setup)
    assert seen == setups
    seen.clear()
    parrot.close()
    parrot.send(Repeat(text="work"))
    assert seen == [Pool(text="3"), Other(text="2"), Repeat(text="work")]
    seen.clear()
    parrot.close()
    parrot.send(Pool(text="4"))
    assert seen == [Other(text="2"), Pool(text="4")]


def test_after_some_trials_comes_a_fresh_process_that_was_started_ahead(
    parrot: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_client, "RENEW_AFTER", 2)
    first_answer = parrot.send(Counted(text="a"))
    first = process_of(parrot)
    for _ in range(2):  # other requests do not count
        parrot.send(Repeat(text="b"))
    parrot.send(Counted(text="c"))
    assert process_of(parrot) is first
    ahead = ahead_of(parrot)
    assert parrot.send(Counted(text="a")) == first_answer
    second = process_of(parrot)
    assert second is ahead
    assert first.returncode == 0

    # One that died before it was needed is replaced.
    parrot.send(Counted(text="d"))
    ahead = ahead_of(parrot)
    ahead.kill()
    ahead.wait()
    assert parrot.send(Counted(text="e")) == ("e", "continue")
    third = process_of(parrot)
    assert third is not ahead
    assert third.returncode is None
    parrot.close()
    assert second.returncode is not None
    assert third.returncode is not None
    assert parrot._next is None


def test_a_process_that_was_started_ahead_ends_with_the_worker(
    parrot: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_client, "RENEW_AFTER", 1)
    parrot.start()
    parrot.send(Counted(text="a"))
    ahead = ahead_of(parrot)
    parrot.close()
    assert ahead.returncode is not None
