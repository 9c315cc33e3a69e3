"""The time of the plan may end while no worker process runs: then nothing was ended, and an error is what it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import PluginError
from tlsearch.pipeline.limits.refusal import LATEST, refuse_before_limit
from tlsearch.worker.client import WorkerClient


class Idle(FakeWorker):
    """A worker without a process."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked = threading.Event()

    def interrupt(self) -> bool:
        self.asked.set()
        return False


def test_what_fails_although_nothing_was_ended_is_told_as_it_is(tmp_path: Path) -> None:
    worker = Idle()
    context = make_context(tmp_path, worker, limit=45.0)
    context.budget.set(LATEST * 45.0)

    def planning() -> None:
        with refuse_before_limit(context):
            assert worker.asked.wait(20)
            raise PluginError("no paint")

    with pytest.raises(PluginError, match="no paint"):
        planning()


def test_a_client_says_whether_there_was_a_process_to_end(tmp_path: Path) -> None:
    assert WorkerClient(tmp_path / "worker.log").interrupt() is False
