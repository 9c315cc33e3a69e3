"""A worker that computes nothing: it keeps the requests that it gets and gives the replies that a test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlsearch.worker.events import Listener
from tlsearch.worker.protocol import Request

Reply = Callable[[Any, Listener | None], Any]
"""Gives the reply to a request, and may call its listener."""


class FakeWorker:
    """Stands for a ``WorkerClient``.

    ``replies`` has for each class of requests what is given for it: a value, an exception that is raised, or a function
    of the request and its listener. A request of any other class is an error.
    """

    def __init__(self, replies: Mapping[type[Request[Any]], Any]) -> None:
        self.replies = dict(replies)
        self.requests: list[Request[Any]] = []

    def use_threads(self, threads: int | None) -> None:
        """There are none."""

    def kill(self) -> None:
        """There is no process."""

    def send(self, request: Request[Any], listener: Listener | None = None) -> Any:
        """The reply that the test wants."""
        self.requests.append(request)
        reply = self.replies[type(request)]
        if isinstance(reply, Exception):
            raise reply
        return reply(request, listener) if callable(reply) else reply
