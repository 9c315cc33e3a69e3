"""How a worker process is told how many threads it may use."""

from __future__ import annotations

from collections.abc import Mapping

from tlsearch.backend import THREADS
from tlsearch.utils.machine import LIBRARY_VARIABLES, thread_variables


def limits_of(threads: int | None) -> Mapping[str, str]:
    """Give the variables of the environment of a process that uses so many threads; None: as many as it may."""
    return thread_variables() if threads is None else dict.fromkeys((THREADS, *LIBRARY_VARIABLES), str(threads))
