"""The figures of limits: of memory and of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table
from tlsearch.utils.units import format_duration

Row = Mapping[str, Any]


def memory(result: Result) -> str:
    """A column for every twenty trials."""
    figures = result.figures
    blocks = figures["blocks"]
    rows = [
        ["fine-tuned among them", *(str(block["tuned"]) for block in blocks)],
        ["mean", *(f"{block['mean']:,.0f}" for block in blocks)],
        ["at most", *(f"{block['at_most']:,.0f}" for block in blocks)],
    ]
    head = ["trials", *(f"{block['first']} to {block['last']}" for block in blocks)]
    caption = (
        f"Anonymous memory of parent and worker in MB, at the starts of {figures['trials']} trials of "
        "EfficientNet-Lite0. It rises while a worker runs and falls with the next one. After trial 20 it is at most "
        f"{figures['growth_megabytes']:.0f} MB higher than at trial 20. The parent grows by "
        f"{figures['parent_growth_megabytes']:.0f} MB in total. A new worker that waits to take over needs up to "
        f"{figures['waiting_at_most_megabytes']:.0f} MB more for a moment."
    )
    return paragraphs(table(head, rows), caption, source(result))


def memory_brief(result: Result) -> str:
    """The growth."""
    return f"at most {result.figures['growth_megabytes']:.0f} MB more than at trial 20"


def time_limits(result: Result) -> str:
    """A row for every scenario."""
    rows: list[Row] = result.figures["rows"]
    body = [
        [
            row["scenario"],
            format_duration(row["limit"]),
            f"{row['seconds']:.0f} s",
            _beyond(row),
            _outcome(row),
        ]
        for row in rows
    ]
    loads = [row["load"] for row in rows]
    caption = (
        "Each run is timed from the start of its process to the end, with an empty cache. It may end 5 % or 10 s after "
        "its limit. Other processes begin to compute after two fifths of the limit. As the runs began, between "
        f"{min(loads):.1f} and {max(loads):.1f} other processes wanted a core, on average over the minute before."
    )
    head = ["run", "limit", "took", "beyond the limit", "outcome"]
    return paragraphs(table(head, body), caption, source(result))


def _beyond(row: Row) -> str:
    over = row["seconds"] - row["limit"]
    return f"{over:.1f} s{' *late*' if row['late'] else ''}" if over > 0 else "no"


def _outcome(row: Row) -> str:
    if row["outcome"] == "refused":
        return f"refused in the plan: {format_duration(row['needed'])} or more is needed"
    if row["outcome"] != "finished":
        return str(row["outcome"])
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in row["trials"].items())
    return f"{states}; {'layers were tuned' if row['tuned'] else 'linear probes only'}"


def time_limits_brief(result: Result) -> str:
    """How many runs, and how far beyond the limit."""
    rows: list[Row] = result.figures["rows"]
    over = max(row["seconds"] - row["limit"] for row in rows)
    return f"{len(rows)} runs, {sum(row['late'] for row in rows)} late, at most {max(0.0, over):.0f} s beyond the limit"
