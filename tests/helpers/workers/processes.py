"""The processes of a worker."""

from __future__ import annotations

from typing import Any

from tlsearch.worker.client import WorkerClient
from tlsearch.worker.process import LocalProcess


def process_of(worker: WorkerClient) -> Any:
    """The process that the worker runs now."""
    assert isinstance(worker._process, LocalProcess)
    return worker._process.popen


def ahead_of(worker: WorkerClient) -> Any:
    """The process that the worker has started for later."""
    assert isinstance(worker._next, LocalProcess)
    return worker._next.popen
