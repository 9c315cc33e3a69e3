"""Runs side by side say of a gain what everything else says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.compare import Run, compare_runs
from tlsearch.report.compare_table import row_groups


def test_a_gain_that_is_not_claimed_has_no_p_value() -> None:
    assert SAMPLE.baseline is not None
    unfair = replace(SAMPLE.baseline, no_claim="its time was over after 2 of 60 epochs")
    results = {"one": replace(SAMPLE, baseline=unfair, predictions=None), "two": replace(SAMPLE, predictions=None)}
    runs = [Run(name=name, folder=Path(name), result=result) for name, result in results.items()]
    rows = [row for group in row_groups(compare_runs(runs)) for row in group.rows]
    (gains,) = [row.texts for row in rows if row.title == "over training from scratch"]
    assert [text.splitlines()[-1] for text in gains] == ["no fair comparison", "p < 0.001"]
