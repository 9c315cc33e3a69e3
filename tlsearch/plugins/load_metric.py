"""The metric of a run, loaded by its name."""

from __future__ import annotations

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.plugins.registry import load_guarded


def load_metric(name: str) -> GuardedMetric:
    """Load the metric of that name. Raises ``PluginError`` where there is none or it is broken."""
    metric: GuardedMetric = load_guarded("metric", name)
    return metric
