"""The figures of the tests: how much of the code they reach."""

from __future__ import annotations

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source

LEAST_SHOWN = 3
"""Packages that are named: those of which the tests reach least."""


def tested_lines(result: Result) -> str:
    """One paragraph."""
    figures = result.figures
    ranked = sorted(figures["packages"].items(), key=lambda package: package[1])[:LEAST_SHOWN]
    least = ", ".join(f"`{name}` {share:.1%}" for name, share in ranked)
    return paragraphs(
        f"The tests reach {figures['reached']:.1%} of {figures['lines']:,} lines and {figures['branches']:,} branches "
        f"of tlsearch and its built-in plugins. They reach least of {least}.",
        source(result),
    )


def tested_lines_brief(result: Result) -> str:
    """The share of all."""
    return f"{result.figures['reached']:.1%} of lines and branches"
