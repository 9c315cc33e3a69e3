"""The benchmark of the transport: it runs, on a cluster that it starts itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.speed.workers import cluster_transport as rendered
from benchmarks.figures.speed.workers import cluster_transport_brief
from benchmarks.speed import cluster_transport

Quick = Callable[..., Result]

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


def test_a_quick_run_times_trials_here_and_there(quick: Quick) -> None:
    pytest.importorskip("ray")
    result = quick(cluster_transport.main)
    figures = result.figures
    assert set(figures["trial_seconds"]) == set(figures["exchange_ms"]) == {"here", "there"}
    assert figures["first_trial_seconds"] > figures["connected_seconds"] > 0
    assert "2 trials of 5 epochs with 60 images" in rendered(result)
    assert "ms a trial; the first one after" in cluster_transport_brief(result)
