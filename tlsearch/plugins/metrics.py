"""The metric of a run, loaded by its name."""

from __future__ import annotations

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.plugins.registry import load_guarded

USUAL_METRIC = "accuracy"
"""The metric of a run for which none was asked."""

IMBALANCED_METRIC = "balanced_accuracy"
"""The metric of such a run where classes are imbalanced."""


def load_metric(name: str) -> GuardedMetric:
    """Load the metric of that name. Raises ``PluginError`` where there is none or it is broken."""
    metric: GuardedMetric = load_guarded("metric", name)
    return metric
