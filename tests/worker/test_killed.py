"""Worker processes, real ones, that are ended from outside: at work and idle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.helpers.workers.processes import process_of
from tlsearch.errors import RunError
from tlsearch.worker.client import WorkerClient, WorkerDiedError
from tlsearch.worker.protocol import DescribePlugins


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerClient]:
    """A client whose process has answered once."""
    with WorkerClient(tmp_path / "worker.log") as client:
        client.send(DescribePlugins())
        yield client


def test_one_that_crashes_at_work_is_an_error(worker: WorkerClient) -> None:
    first = process_of(worker)
    died = r"ended with code -6 while it loaded the plugins; .*worker\.log"
    with pytest.raises(WorkerDiedError, match=died) as caught, dying(first.pid, signal.SIGABRT):
        worker.send(DescribePlugins())
    assert isinstance(caught.value, RunError)
    worker.send(DescribePlugins())  # by another one
    assert process_of(worker).pid != first.pid


def test_one_that_is_killed_at_work_does_it_once_more(worker: WorkerClient) -> None:
    """As the system kills a process where memory is short: no plugin is to blame."""
    first = process_of(worker)
    with dying(first.pid, signal.SIGKILL):
        assert worker.send(DescribePlugins()).backbones
    assert process_of(worker).pid != first.pid


def test_one_that_is_interrupted_at_work_does_not(worker: WorkerClient) -> None:
    os.kill(process_of(worker).pid, signal.SIGSTOP)
    timer = threading.Timer(0.3, worker.interrupt)
    timer.start()
    with pytest.raises(WorkerDiedError, match="ended with code -9"):
        worker.send(DescribePlugins())
    timer.join()


def test_one_that_is_killed_while_idle_costs_no_request(worker: WorkerClient) -> None:
    first = process_of(worker)
    os.kill(first.pid, signal.SIGKILL)
    first.wait(timeout=30)
    assert worker.send(DescribePlugins()).backbones
    assert process_of(worker).pid != first.pid


@contextmanager
def dying(process: int, how: signal.Signals) -> Iterator[None]:
    """A process stands still, and is ended a moment later."""

    def end() -> None:
        os.kill(process, how)
        with suppress(ProcessLookupError):  # SIGKILL has ended it
            os.kill(process, signal.SIGCONT)

    os.kill(process, signal.SIGSTOP)
    timer = threading.Timer(0.3, end)
    timer.start()
    yield
    timer.join()
