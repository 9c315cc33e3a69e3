"""System metrics of a run: processor, memory, disk and network of the machine while the search goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tlsearch.tracking.quiet import quiet

INTERVAL = 10.0
"""Seconds between two samples."""

_PATIENCE = 5.0
_LOGGER = "mlflow.system_metrics"


@contextmanager
def system_metrics(uri: str, run_id: str, interval: float = INTERVAL) -> Iterator[None]:
    """Inside, a thread samples the machine and records it as metrics ``system/...`` of the run.

    An empty ``run_id`` records nothing; the steps of a run that is resumed go on where they ended. Whatever fails in
    there, or cannot be stopped within 5 seconds, is left to itself: it neither prints nor ends a run.
    """
    logger = logging.getLogger(_LOGGER)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    monitor = _start(uri, run_id, interval) if run_id else None
    try:
        yield
    finally:
        if monitor is not None:
            # Its end waits for a thread that may be waiting for a server.
            stopping = threading.Thread(target=monitor.finish, name="tlsearch-system-metrics", daemon=True)
            stopping.start()
            stopping.join(_PATIENCE)
        logger.setLevel(before)


def _start(uri: str, run_id: str, interval: float) -> Any:
    try:
        with quiet():
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

            make: Any = SystemMetricsMonitor  # which has no types
            monitor = make(run_id, sampling_interval=interval, resume_logging=True, tracking_uri=uri)
        monitor.start()
    except Exception:  # whatever a machine's counters and MLflow's stores raise: a run does without
        return None
    return monitor
