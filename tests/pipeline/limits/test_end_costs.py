"""What is added to the price of a run's end where nothing is stored, and where a metric has no formulas."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data
from tlsearch.errors import PluginError
from tlsearch.pipeline.limits.shortest_limit import EndCosts
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats import bootstrap

DATA = make_data((0, 1) * 150, test=range(60))


def test_where_nothing_is_stored_the_models_at_the_end_take_a_pass_over_the_images_each(tmp_path: Path) -> None:
    ends = [EndCosts.of(make_context(tmp_path, cache_limit=limit), DATA) for limit in (10**9, 0)]
    stored, unstored = (end.price((0.1, 0.2)) for end in ends)
    passes = len(DATA.pool) * (0.1 + 0.2)
    assert unstored.models - stored.models == pytest.approx(passes, abs=1e-6)
    assert unstored.test == stored.test


class Slow:
    """A metric of probabilities that takes 2 ms, on a clock that is set by hand."""

    api_version, name, greater_is_better, uses_class_weights = 1, "slow", True, False
    clock = 0.0

    def score(self, labels: Any, probabilities: Any) -> float:
        assert set(labels.tolist()) == {0, 1}
        Slow.clock += 0.002
        return float(probabilities[np.arange(len(labels)), labels].mean())


def test_a_metric_without_formulas_is_priced_by_its_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: Slow.clock)
    plain = make_data((0, 1) * 20, test=range(20, 40))
    slow = replace(plain, metric=GuardedMetric(Slow()))
    prices = [EndCosts.of(make_context(tmp_path / str(n)), d).price((0.1, 0.1)) for n, d in enumerate((plain, slow))]
    calls = bootstrap.DRAWS * 4 + 2 * bootstrap.PERMUTATIONS * 2  # winner, linear probe and network from scratch
    assert prices[1].test - prices[0].test == pytest.approx(0.002 * calls)


def test_a_metric_that_fails_on_the_test_images_is_refused_before_any_work(tmp_path: Path) -> None:
    one_class = replace(make_data((0, 1) * 20, test=range(0, 40, 2)), metric=GuardedMetric(Slow()))
    with pytest.raises(PluginError, match="The metric plugin 'slow' raised AssertionError"):
        EndCosts.of(make_context(tmp_path), one_class)
