"""Which function handles which class of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tlsearch.utils.deadline import time_limit
from tlsearch.worker.protocol import Request
from tlsearch.worker.state import WorkerState

T = TypeVar("T")

Handler = Callable[[WorkerState, Any], T]

_HANDLERS: dict[type[Request[Any]], Handler[Any]] = {}


def handles(request: type[Request[T]]) -> Callable[[Handler[T]], Handler[T]]:
    """Register the decorated function as the handler of a class of requests; it gives their reply."""

    def register(handler: Handler[T]) -> Handler[T]:
        _HANDLERS[request] = handler
        return handler

    return register


def all_handlers() -> Mapping[type[Request[Any]], Handler[Any]]:
    """Give the handlers by class of requests."""
    from tlsearch.worker import handlers  # noqa: F401 - they register themselves
    from tlsearch.worker.models import handlers as model_handlers  # noqa: F401
    from tlsearch.worker.models import reference, save  # noqa: F401

    return _HANDLERS


def handle(state: WorkerState, request: Request[T]) -> T:
    """Give the reply to a request, within the time that it has. Raises ``OutOfTimeError`` where that is over."""
    with time_limit(request.allowed):
        reply: T = all_handlers()[type(request)](state, request)
    return reply


def request_class(name: str) -> type[Request[Any]]:
    """Give the class of requests of that name. Raises ``ValueError`` where no handler knows it."""
    for request in all_handlers():
        if request.__name__ == name:
            return request
    raise ValueError(f"there is no request {name!r}")
