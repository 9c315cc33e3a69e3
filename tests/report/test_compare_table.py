"""Runs side by side say of a gain what everything else says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.compare import Run, compare_runs
from tlsearch.report.compare_table import row_groups
from tlsearch.report.verdict import verdict_of


def test_a_gain_that_is_not_claimed_has_no_p_value() -> None:
    assert SAMPLE.baseline is not None
    unfair = replace(SAMPLE.baseline, no_claim="its time was over after 2 of 60 epochs")
    results = {"one": replace(SAMPLE, baseline=unfair, predictions=None), "two": replace(SAMPLE, predictions=None)}
    runs = [Run(name=name, folder=Path(name), result=result) for name, result in results.items()]
    rows = [row for group in row_groups(compare_runs(runs)) for row in group.rows]
    (gains,) = [row.texts for row in rows if row.title == "over training from scratch"]
    assert [text.splitlines()[-1] for text in gains] == ["no fair comparison", "p < 0.001"]


def test_a_run_that_uses_a_network_from_scratch_says_so() -> None:
    assert SAMPLE.baseline is not None
    tested = replace(SAMPLE.baseline, test=0.996, test_ci95=(0.979, 1.0))
    alone = replace(
        SAMPLE, baseline=tested, from_scratch=(tested,), verdict=replace(verdict_of(SAMPLE), model="baseline")
    )
    results = {"one": replace(SAMPLE, predictions=None), "two": replace(alone, predictions=None)}
    runs = [Run(name=name, folder=Path(name), result=result) for name, result in results.items()]
    found = compare_runs(runs)
    (use,) = [row.texts for group in row_groups(found) for row in group.rows if row.title == "model to use"]
    assert use == ("the winner", f"{tested.architecture}\nfrom scratch\n0.996\n[0.979 1.000]")
    assert found.notes[0].startswith("two uses a network from scratch. The winner is the best model that reuses")
    usual = compare_runs([runs[0], replace(runs[0], name="three", folder=Path("three"))])
    assert not any(row.title == "model to use" for group in row_groups(usual) for row in group.rows)
