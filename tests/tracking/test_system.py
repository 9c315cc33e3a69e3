"""System metrics: recorded while a run goes on, and never in its way."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.system import system_metrics
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient

# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


def test_the_load_of_the_machine_is_recorded(store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tracker = Tracker.open("sqlite:///mlflow.db", "load", directory=store)
    run_id = tracker.start_parent("search", {}, {})
    client = MlflowClient(tracker.uri)
    capfd.readouterr()
    until = time.monotonic() + 60
    with system_metrics(tracker.uri, run_id, interval=0.05):
        while not client.get_run(run_id).data.metrics and time.monotonic() < until:
            time.sleep(0.1)
    assert watching() == []
    tracker.finish(run_id, "FINISHED")
    metrics = client.get_run(run_id).data.metrics
    assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100
    assert metrics["system/system_memory_usage_megabytes"] > 0
    assert all(name.startswith("system/") for name in metrics)
    assert capfd.readouterr() == ("", "")


def test_a_run_that_is_taken_up_goes_on_where_it_ended(store: Path) -> None:
    tracker = Tracker.open("sqlite:///mlflow.db", "load", directory=store)
    run_id = tracker.start_parent("search", {}, {})
    client = MlflowClient(tracker.uri)
    name = "system/cpu_utilization_percentage"

    def steps() -> list[int]:
        return [metric.step for metric in client.get_metric_history(run_id, name)]

    for _ in range(2):
        before, until = len(steps()), time.monotonic() + 60
        with system_metrics(tracker.uri, run_id, interval=0.05):
            while len(steps()) < before + 2 and time.monotonic() < until:
                time.sleep(0.1)
    assert len(steps()) >= 4
    assert steps() == sorted(set(steps()))


@pytest.mark.parametrize("run_id", ["", "0123456789abcdef0123456789abcdef"])
def test_without_a_run_nothing_is_recorded_said_or_raised(
    store: Path, capfd: pytest.CaptureFixture[str], run_id: str
) -> None:
    tracker = Tracker.open("sqlite:///mlflow.db", "load", directory=store)
    level = logging.getLogger("mlflow.system_metrics").level
    capfd.readouterr()
    with system_metrics(tracker.uri, run_id, interval=0.05):
        time.sleep(0.2)
    assert watching() == []
    assert logging.getLogger("mlflow.system_metrics").level == level
    assert capfd.readouterr() == ("", "")


def test_it_ends_with_the_run_that_fails(store: Path) -> None:
    tracker = Tracker.open("sqlite:///mlflow.db", "load", directory=store)
    run_id = tracker.start_parent("search", {}, {})
    with pytest.raises(KeyboardInterrupt), system_metrics(tracker.uri, run_id):
        raise KeyboardInterrupt
    assert watching() == []
