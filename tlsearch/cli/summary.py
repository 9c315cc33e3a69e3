"""The table at the end of a run: all models side by side, the gains, and where everything is."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tlsearch.report import text as words
from tlsearch.report.model_table import headings, model_rows
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.report.verdict import no_claim, verdict_sentences
from tlsearch.results.result import RunResult

HEADING_WIDTH = 12
"""Columns of figures are no wider than this, so that the table fits 80 columns with its headings in full."""


def print_summary(console: Console, result: RunResult) -> None:
    """Prints what was found, what was gained and where everything is."""
    console.print()
    console.print(score_table(result))
    console.print()
    for line in confirmed_lines(result):
        console.print(Text(line), soft_wrap=not console.is_terminal)
    for line in words.gain_lines(result.gain, no_claim(result)):
        console.print(Text(line, style="bold"), soft_wrap=not console.is_terminal)
    console.print()
    for sentence in verdict_sentences(result):
        console.print(Text(sentence), soft_wrap=not console.is_terminal)
    console.print()
    for name, value in _places(result):
        # Never broken into lines, as it is there to be copied.
        console.print(Text.assemble((f"{name:<8}", "dim"), value), soft_wrap=True)


def score_table(result: RunResult) -> Table:
    """A row for each model.

    Winner, linear probe and everything that was trained from scratch, with the figures by which it was selected,
    confirmed and tested.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", overflow="fold")
    for title in (*headings(result), f"95 % interval {words.by_method(result.metrics)}"):
        table.add_column("\n".join(textwrap.wrap(title, HEADING_WIDTH)), justify="right", no_wrap=True)
    for row in model_rows(result):
        validation = f"{format_score(row.val)}\n{row.val_note}" if row.val_note else format_score(row.val)
        confirmed = format_score(row.confirmed.mean) if row.confirmed is not None else "none"
        table.add_row(
            f"[bold]{row.name}[/]\n{escape(row.model)}", validation, confirmed, format_score(row.test),
            format_interval(row.test_ci95), style="bold" if row.kind == "winner" else None,
        )  # fmt: skip
    table.title = f"{words.metric_name(result.metrics.name)} on {result.dataset.total('test'):,} test images"
    if result.metrics.test_opened is not None:
        table.title += f" ({words.openings(result.metrics.test_opened)})"
    table.title_justify = "left"
    table.title_style = "dim"
    return table


def confirmed_lines(result: RunResult) -> list[str]:
    """How the winner was confirmed: on how many folds, with its two spreads apart."""
    confirmed = result.metrics.confirmed
    if confirmed is None:
        return []
    spreads = words.spreads(confirmed)
    return [f"winner {words.confirmed_on(confirmed)}" + (f": {spreads}" if spreads else "")]


def _places(result: RunResult) -> list[tuple[str, str]]:
    folder = Path(result.output.folder)
    places = [
        (name, str(folder / file))
        for name, file in (("model", result.output.model), ("report", result.output.report))
        if file is not None
    ]
    if result.mlflow is not None:
        places.append(("trials", result.mlflow.ui_command))
        if result.mlflow.view:
            places += [("", result.mlflow.view), ("search", result.mlflow.search)]
    return places
