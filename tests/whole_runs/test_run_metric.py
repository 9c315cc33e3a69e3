"""A run that chooses by the metric of another package, where less is better and no interval has a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, tlsearch

pytestmark = MARKS

BRIER = """
import numpy as np
class Brier:
    api_version = 1
    name = "brier"
    greater_is_better = False
    uses_class_weights = False
    def score(self, labels, probabilities):
        return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1).mean())
"""


@pytest.fixture
def _brier(site: Path, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install("brier-metric", BRIER, group="tlsearch.metrics", brier="Brier")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{site}")
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "tlsearch")  # for time


@pytest.mark.usefixtures("one_fold", "_brier", "_with_tables", "_worker_here")
def test_the_least_wins_and_its_interval_is_by_resampling(images: Path) -> None:
    options = ["--trials", "3", *OPTIONS[4:], "--augment", "none", "--baseline", "none", "--metric", "brier"]
    done = tlsearch("run", images, *options, "--output", "out")
    assert done.exit_code == 0, done.output
    finished = TrialRecord(Path.cwd(), done.output)
    result, metrics = finished.result, finished.result.metrics
    assert (metrics.name, metrics.greater_is_better, metrics.counts) == ("brier", False, None)
    assert result.versions["plugin.brier"] == "brier-metric 2.5"

    # The least is the best trial of the search, and the least on the fold of confirmation wins.
    values = [row.value for row in result.trials if row.role == "trial" and row.value is not None]
    assert len(set(values)) == 3
    assert all(0 < value < 2 for value in values)
    assert f"best {min(values):.3f}" in done.output
    again = [row.value for row in result.trials if row.role == "confirmation" and row.value is not None]
    assert len(set(again)) > 1
    assert metrics.confirmed is not None
    assert metrics.confirmed.mean == min(again)

    # A gain is by how much the winner is better.
    assert result.linear_probe is not None
    assert result.gain is not None
    over = result.gain.over_linear_probe
    assert over is not None
    assert over.difference == pytest.approx(result.linear_probe.test - metrics.test)
    assert over.ci95[0] <= over.difference <= over.ci95[1]

    # The interval says how it was made, wherever it stands.
    assert metrics.interval_method == "stratified bootstrap"
    assert metrics.test_ci95[0] < metrics.test < metrics.test_ci95[1]
    assert "choosing by brier, the lower the better" in done.output
    assert "intervals by stratified bootstrap" in done.output
    page = (finished.output / "report.html").read_text(encoding="utf-8")
    assert f"{metrics.test_ci95[0]:.3f} to {metrics.test_ci95[1]:.3f} by stratified bootstrap" in page
    assert f'<div class="score">{metrics.test:.3f}</div>' in page


@pytest.mark.usefixtures("_worker_here")
def test_a_metric_that_is_not_there_ends_the_run_before_it_begins(images: Path) -> None:
    done = tlsearch("run", images, *OPTIONS, "--metric", "acuracy", "--output", "out")
    assert done.exit_code != 0
    assert "There is no metric 'acuracy': did you mean 'accuracy'?" in " ".join(done.output.split())
