"""Which function handles which class of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Generic, TypeVar, cast

from tlsearch.utils.deadline import time_limit
from tlsearch.worker.protocol import Request
from tlsearch.worker.state import WorkerState

T = TypeVar("T")
R_co = TypeVar("R_co", bound=Request[object], covariant=True)

Handler = Callable[[WorkerState, Request[object]], object]
"""Gives the reply to a request of the class that it is registered for."""

_HANDLERS: dict[type[Request[object]], Handler] = {}


class handles(Generic[R_co]):  # noqa: N801 - a decorator
    """Registers the decorated function as the handler of a class of requests; it gives their reply."""

    def __init__(self, request: type[R_co]) -> None:
        """Take the class of the requests."""
        self._request = request

    def __call__(
        self: handles[Request[T]], handler: Callable[[WorkerState, R_co], T]
    ) -> Callable[[WorkerState, R_co], T]:
        """Register the handler."""
        kind = self._request

        @wraps(handler)
        def checked(state: WorkerState, request: Request[object]) -> object:
            if not isinstance(request, kind):
                raise TypeError(f"{handler.__name__} handles {kind.__name__}, not {type(request).__name__}")
            return handler(state, request)  # type: ignore[arg-type]  # it is an R_co; ``self`` only says Request[T]

        _HANDLERS[kind] = checked
        return handler


def all_handlers() -> Mapping[type[Request[object]], Handler]:
    """Give the handlers by class of requests."""
    from tlsearch.worker import handlers  # noqa: F401 - they register themselves
    from tlsearch.worker.models import handlers as model_handlers  # noqa: F401
    from tlsearch.worker.models import reference, save  # noqa: F401

    return _HANDLERS


def handle(state: WorkerState, request: Request[T]) -> T:
    """Give the reply to a request, within the time that it has. Raises ``OutOfTimeError`` where that is over."""
    with time_limit(request.allowed):
        reply = all_handlers()[type(request)](state, request)
    return cast("T", reply)  # ``handles`` has only taken a handler that gives it


def request_class(name: str) -> type[Request[object]]:
    """Give the class of requests of that name. Raises ``ValueError`` where no handler knows it."""
    for request in all_handlers():
        if request.__name__ == name:
            return request
    raise ValueError(f"there is no request {name!r}")
