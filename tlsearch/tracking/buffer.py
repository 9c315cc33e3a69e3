"""Metrics and params on their way to MLflow, sent in as few calls as can be, for each is a transaction of the store."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from tlsearch.tracking.commands import LogBatch, Point
from tlsearch.tracking.trial_fields import cut_params, cut_tags

# Limits of MLflow's batch call.
_MAX_PARAMS = 100
_MAX_METRICS = 1000

_FLUSH_SECONDS = 2.0


class Buffer:
    """Keeps what is to be logged of runs, until it is old enough or the run is over."""

    def __init__(self, send: Callable[[LogBatch], object]) -> None:
        """Begin with nothing; ``send`` sends a batch."""
        self._send_batch = send
        self._points: dict[str, list[Point]] = {}
        self._params: dict[str, list[tuple[str, str]]] = {}
        self._flushed_at = 0.0

    def set_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Keep the params of a run, which are sent with its first metrics or tags."""
        self._params[run_id] = list(cut_params(params).items())

    def add(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Keep metrics of a run; values that are not finite are left out."""
        now = milliseconds()
        self._points.setdefault(run_id, []).extend(
            (name, float(value), now, step) for name, value in metrics.items() if math.isfinite(value)
        )

    def flush(self, *, if_due: bool = False) -> None:
        """Send what is kept of all runs; ``if_due`` only where the last time was 2 seconds ago."""
        if if_due and time.monotonic() - self._flushed_at <= _FLUSH_SECONDS:
            return
        self._flushed_at = time.monotonic()
        for run_id in dict.fromkeys([*self._points, *self._params]):
            self.send(run_id, {})

    def send(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Send what is kept of a run, and tags of it."""
        points, params = self._points.pop(run_id, []), self._params.pop(run_id, [])
        rest = list(cut_tags(tags).items())
        while points or params or rest:
            now = LogBatch(run=run_id, points=points[:_MAX_METRICS], params=params[:_MAX_PARAMS], tags=rest)
            points, params, rest = points[_MAX_METRICS:], params[_MAX_PARAMS:], []
            self._send_batch(now)


def milliseconds() -> int:
    """Give the time as MLflow keeps it: milliseconds since 1970."""
    return time.time_ns() // 1_000_000
