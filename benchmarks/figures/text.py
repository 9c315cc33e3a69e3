"""Numbers, durations, tables and sources as README.md and docs/ show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.moved import command_today, module_today

MINUTE, HOUR = 60, 3600


def score(value: float | None) -> str:
    """A share as 0.894; "none" where there is none."""
    return "none" if value is None else f"{value:.3f}"


def with_interval(value: float, interval: Sequence[float]) -> str:
    """A score with its 95 % interval: 0.894 [0.845, 0.929]."""
    low, high = interval
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def duration(seconds: float) -> str:
    """Two figures of seconds, minutes or hours: 43 s, 3.4 min, 18 h."""
    if seconds < 2 * MINUTE:
        return f"{two_figures(seconds)} s"
    if seconds < 2 * HOUR:
        return f"{two_figures(seconds / MINUTE)} min"
    return f"{two_figures(seconds / HOUR)} h"


def two_figures(value: float) -> str:
    """1.8, 36, 317: a decimal below ten only."""
    return f"{value:.1f}" if round(value, 1) < 10 and round(value, 1) != round(value) else f"{value:,.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def paragraphs(*parts: str) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def source(result: Result) -> str:
    """A sentence that says how, where and of which commit the figures were measured.

    The command is that of today. Where its module had another name when it was measured, that follows in brackets.
    """
    then = f" (then `benchmarks.{result.benchmark}`)" if module_today(result) != result.benchmark else ""
    command = f"`{command_today(result)}`{then}"
    where = f" on {machine(result.machine)}" if result.machine else ""
    software = _software(result.versions)
    commit = result.commit[:7] if result.commit else None
    if result.note:  # the commit is the one that published them
        published = f"; published in commit {commit}" if commit else ""
        return f"Measured by an earlier version with {command}{where}{software}{published}."
    return f"Measured by {command}{where}{software}{f', at commit {commit}' if commit else ''}."


def machine(facts: Mapping[str, Any]) -> str:
    """Such as "2 cores (AMD EPYC)"."""
    processor = facts.get("processor")
    return f"{facts['cores']} cores" + (f" ({processor})" if processor else "")


def _software(versions: Mapping[str, str]) -> str:
    """The versions of Python, Keras and TensorFlow, as far as they are known."""
    names = {"python": "Python", "keras": "Keras", "tensorflow": "TensorFlow"}
    known = [f"{name} {versions[key]}" for key, name in names.items() if key in versions]
    return f" ({', '.join(known)})" if known else ""
