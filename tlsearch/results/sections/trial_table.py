"""The trials: every one, the best first, with what it was and why it ended."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.results.parts import TrialRow
from tlsearch.results.result import RunResult
from tlsearch.results.sections.section import Section

STATES = ("complete", "pruned", "failed", "censored")


def trial_table(result: RunResult) -> Section:
    """The rows of the table and what is said above it."""
    return Section(
        {
            "trials": sorted(result.trials, key=_rank),
            "trial_summary": _summary(result.trials),
            "confirmations": any(row.role == "confirmation" for row in result.trials),
            "winner_number": winner_number(result),
        }
    )


def winner_number(result: RunResult) -> int | None:
    """The number of the trial that won."""
    won = [row for row in result.trials if row.spec == result.winner.spec and row.state == "complete"]
    return next((row.number for row in won if row.role == "trial"), None)


def reached(row: TrialRow) -> float | None:
    """The score of a trial; of one that ended early what it had reached in the last round, None before the first. A
    trial that failed has none: its numbers are not to be trusted."""
    if row.state == "failed":
        return None
    return row.value if row.value is not None else row.metrics.get("objective")


def _rank(row: TrialRow) -> tuple[bool, float, int]:
    """Best first; those without a value after them, as they came."""
    return row.value is None, -(row.value or 0.0), row.number


def _summary(trials: Sequence[TrialRow]) -> str:
    states = [row.state for row in trials]
    parts = [f"{states.count(s)} {s}" for s in STATES if s in states]
    return ", ".join(parts).capitalize() + "." if parts else "None."
