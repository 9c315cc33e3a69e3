"""The models of a run side by side: validation figures are compared on the folds that both models have."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.sample_trials import SOLVED
from tlsearch.cli.summary import print_summary
from tlsearch.report.html import write_report
from tlsearch.report.markdown import describe
from tlsearch.report.model_table import fold_note, headings, model_rows
from tlsearch.results.result import RunResult
from tlsearch.results.schema import TrialRow
from tlsearch.types import TrialResult

PROBED = TrialRow.of(
    9, "trial", TrialResult(spec=SOLVED, state="complete", value=0.876, seconds=1.0, fold_values=(0.9, 0.86, 0.87))
)


def on_folds(winner: int, probe: int, shared: float | None = 0.9) -> RunResult:
    """The sample with five folds: the winner has some of them, the probe maybe more, and the others the first."""
    assert SAMPLE.linear_probe is not None
    return replace(
        SAMPLE,
        plan=replace(SAMPLE.plan, folds=5),
        metrics=replace(SAMPLE.metrics, val_folds=winner),
        linear_probe=replace(SAMPLE.linear_probe, label=PROBED.label, val_folds=probe),
        trials=(*SAMPLE.trials, replace(PROBED, value_on_shared_folds=shared)),
    )


def test_the_probe_is_compared_on_the_folds_of_the_winner() -> None:
    result = on_folds(winner=1, probe=5)
    rows = model_rows(result)
    assert headings(result)[0].startswith("fold 1 of 5")
    assert [(row.val, row.val_note) for row in rows[:3]] == [(0.912, ""), (0.9, ""), (0.613, "")]
    assert fold_note(rows) == ""


def test_figures_that_are_of_all_folds_stay() -> None:
    rows = model_rows(on_folds(winner=5, probe=5))
    assert (rows[1].val, rows[1].val_note) == (0.876, "")
    assert rows[2].val_note == "fold 1 of 5"


def test_where_a_figure_is_of_other_folds_every_text_says_that_it_is_no_comparison(tmp_path: Path) -> None:
    result = on_folds(winner=3, probe=5, shared=None)  # as in a file that does not say what the probe has on three
    note = fold_note(model_rows(result))
    assert "(the linear probe and what was trained from scratch) are scores of other images" in note
    console = Console(record=True, width=100, file=io.StringIO())
    print_summary(console, result)
    page = write_report(result, tmp_path / "out", tmp_path / "data").read_text(encoding="utf-8")
    for text in (console.export_text(), describe(result), page.replace("&#39;", "'")):
        assert note in " ".join(text.split())
    assert "from scratch)" in fold_note(model_rows(on_folds(winner=5, probe=5)))
    assert "linear probe" not in fold_note(model_rows(on_folds(winner=5, probe=5)))
    assert fold_note(model_rows(SAMPLE)) == ""
