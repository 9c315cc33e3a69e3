"""The table at the end of a run: all models side by side, the gains, and where everything is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from tlsearch.cli.terminal.lines import unbroken, wrap
from tlsearch.cli.terminal.screen import print_table, print_text
from tlsearch.cli.terminal.table import Column, Row, Table
from tlsearch.report import text as words
from tlsearch.report.model_table import fold_note, headings, is_confirmed, model_rows
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.results.result import RunResult

INDENT = "  "
"""Before the evidence of an answer."""

HEADING_WIDTH = 12
"""Columns of figures are no wider than this, so that the table fits 80 columns with its headings in full."""


def print_summary(console: Console, result: RunResult) -> None:
    """Prints what was found, what was gained and where everything is."""
    console.print()
    print_text(console, table_title(result), "dim italic")
    print_table(console, score_table(result), console.width)
    console.print()
    if note := fold_note(model_rows(result)):
        print_text(console, note)
    for line in confirmed_lines(result):
        print_text(console, line)
    console.print()
    _print_verdict(console, result)
    console.print()
    for what, value in _places(result):
        # Never broken into lines, as it is there to be copied.
        console.print(Text.assemble((f"{what:<8}", "dim"), value), soft_wrap=True)


def _print_verdict(console: Console, result: RunResult) -> None:
    """Print each answer, its evidence below it, and what to do next in order.

    A command has a line of its own that is never broken, as it is there to be copied.
    """
    shown = shown_verdict(result)
    for answer in shown.answers:
        print_text(console, answer.said, "bold")
        for text in answer.evidence:
            print_text(console, INDENT + text, hanging=INDENT)
        if answer.command is not None:
            console.print(Text(f"{INDENT}{answer.command}"), soft_wrap=True)
    if shown.next_steps:
        print_text(console, "Next:", "bold")
    for number, step in enumerate(shown.next_steps, 1):
        first = f"{INDENT}{number}. "
        rest = " " * len(first)
        print_text(console, first + step.said, hanging=rest)
        if step.command is not None:
            console.print(Text(rest + step.command), soft_wrap=True)


def table_title(result: RunResult) -> str:
    """What the table of scores is about."""
    title = f"{words.metric_name(result.metrics.name)} on {result.dataset.total('test'):,} test images"
    if result.metrics.test_opened is not None:
        title += f" ({words.openings(result.metrics.test_opened)})"
    return title


def score_table(result: RunResult) -> Table:
    """A row for each model.

    Winner, linear probe and everything that was trained from scratch, with the figures by which it was selected,
    confirmed and tested.
    """
    titles = (*headings(result), f"95 % interval {words.by_method(result.metrics)}".rstrip())
    columns = [Column("\n".join(wrap(title, HEADING_WIDTH)), right=True) for title in titles]
    models, rows = model_rows(result), []
    for row in models:
        validation = f"{format_score(row.val)}\n{row.val_note}" if row.val_note else format_score(row.val)
        confirmed = [format_score(row.confirmed.mean) if row.confirmed is not None else "none"]
        if not is_confirmed(models):
            confirmed = []
        figures = (validation, *confirmed, format_score(row.test), unbroken(format_interval(row.test_ci95)))
        named = "\n".join(text for text in (row.name, row.model, row.caveat) if text)
        rows.append(Row((named, *figures), "bold" if row.to_use else ""))
    return Table((Column(), *columns), tuple(rows))


def confirmed_lines(result: RunResult) -> list[str]:
    """The validation figure corrected for its selection, and the winner on resampled folds with its two spreads."""
    confirmed, corrected, lines = result.metrics.confirmed, result.metrics.corrected, []
    if corrected is not None:
        figures = f"{format_score(corrected.value)} {format_interval(corrected.ci95)}"
        best = "best trial" if result.scratch_named is None else "best reused network"
        which = f"validation score of the {best}, {words.corrected(corrected)}"
        lines.append(f"{which}: {figures}{words.above_selected(result.metrics)}")
    if confirmed is not None:
        spreads = words.spreads(confirmed)
        lines.append(f"winner {words.confirmed_on(confirmed)}" + (f": {spreads}" if spreads else ""))
    return lines


def _places(result: RunResult) -> list[tuple[str, str]]:
    folder = Path(result.output.folder)
    model = result.model_to_use if result.output.model is not None else None
    places = [
        (name, str(folder / file))
        for name, file in (("model", model), ("report", result.output.report))
        if file is not None
    ]
    if result.mlflow is not None:
        places.append(("trials", result.mlflow.ui_command))
        if result.mlflow.view:
            places += [("open", result.mlflow.view), ("search", result.mlflow.search)]
    return places
