"""A worker without a process of its own, for tests of what is done with its replies: a process takes 8 s to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlsearch.types import Decision
from tlsearch.worker.dispatch import handle
from tlsearch.worker.events import Listener
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import Request
from tlsearch.worker.state import WorkerState


class WorkerHere(Worker):
    """Stands for ``WorkerClient``: the same handlers, in this process."""

    def __init__(self, log: Path) -> None:
        self._listener: Listener | None = None
        self._state = WorkerState(lambda event: self._listener(event) if self._listener else Decision.CONTINUE)

    def __enter__(self) -> WorkerHere:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start(self) -> None: ...

    def follow(self, other: Worker) -> None: ...

    def use_threads(self, threads: int | None) -> None: ...

    def memory(self) -> int:
        return 0

    def interrupt(self) -> bool:
        return False

    def close(self) -> None: ...

    def kill(self) -> None: ...

    def send(self, request: Request[Any], listener: Listener | None = None) -> Any:
        self._listener = listener
        return handle(self._state, request)
