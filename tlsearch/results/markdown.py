"""A run in a few lines of Markdown: the description of its parent run in MLflow."""

from __future__ import annotations

from tlsearch.results import wording as words
from tlsearch.results.comparison import ModelRow, headings, model_rows
from tlsearch.results.figures import interval, score
from tlsearch.results.result import RunResult


def describe(result: RunResult) -> str:
    """The verdict, all models side by side, both gains, and how often the test set has been opened."""
    metrics = result.metrics
    opened = f" ({words.openings(metrics.test_opened)})" if metrics.test_opened is not None else ""
    lines = [
        " ".join(words.verdict(result)),
        "",
        f"| {words.metric_name(metrics.name)} | {' | '.join(headings(result))} |",
        "|---|---|---|---|",
        *map(_row, model_rows(result)),
        "",
        *(f"- {line}" for line in words.gain_lines(result.gain)),
        "",
        f"{result.dataset.total('test'):,} test images{opened}.",
    ]
    return "\n".join(lines)


def _row(row: ModelRow) -> str:
    validation = score(row.val) + (f" ({row.val_note})" if row.val_note else "")
    confirmed = "none"
    if row.confirmed is not None:
        notes = [f"on {words.folds(row.confirmed)}", words.spreads(row.confirmed, score)]
        confirmed = f"{score(row.confirmed.mean)} {', '.join(note for note in notes if note)}"
    # A bar would end the cell.
    name = f"{row.name}: {row.model}".replace("|", "\\|")
    return f"| {name} | {validation} | {confirmed} | {score(row.test)} {interval(row.test_ci95)} |"
