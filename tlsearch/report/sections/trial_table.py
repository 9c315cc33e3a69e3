"""The trials: every one, the best first, with what it was and why it ended."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.report.sections.section import Section
from tlsearch.report.text import states
from tlsearch.report.verdict.next_steps import ENDED
from tlsearch.results.result import RunResult
from tlsearch.results.schema import TrialRow
from tlsearch.types import SearchEnd


def trial_table(result: RunResult) -> Section:
    """The rows of the table and what is said above it."""
    return Section(
        {
            "trials": sorted(result.trials, key=lambda row: _rank(row, result.metrics.sign)),
            "trial_summary": _summary(result.trials, result.search_ended),
            "others": _others(result.trials),
            "compared": _compared(result),
            "winner_number": winner_number(result),
        }
    )


def winner_number(result: RunResult) -> int | None:
    """The number of the trial that won."""
    won = [row for row in result.trials if row.spec == result.winner.spec and row.state == "complete"]
    return next((row.number for row in won if row.role == "trial"), None)


def reached(row: TrialRow) -> float | None:
    """The score of a trial; of one that ended early what it had reached in the last epoch, None before the first.

    A trial that failed has none: its numbers are not to be trusted.
    """
    if row.state == "failed":
        return None
    return row.ranked_by if row.value is not None else row.metrics.get("objective")


def _rank(row: TrialRow, sign: float) -> tuple[bool, bool, float, int]:
    """The trials of the search before the others; the best first, those without a value last, as they came."""
    by_score = 0.0 if row.ranked_by is None else -sign * row.ranked_by  # those without one are equal, and come last
    return row.role != "trial", row.value is None, by_score, row.number


def _compared(result: RunResult) -> str:
    """What the score of a trial is the mean of, where not all ran on as many folds; else empty."""
    folds = {row.folds for row in result.trials if row.role == "trial" and row.state == "complete"}
    if len(folds) < 2:
        return ""
    fewest = min(folds)
    what = "the first fold" if fewest == 1 else f"the first {fewest} folds"
    return f"Trials are ranked by {what}, which all have; the mean over all folds of a trial stands below its score."


def _summary(rows: Sequence[TrialRow], ended: SearchEnd | None) -> str:
    trials = [row for row in rows if row.role == "trial"]
    why = f" Why the search ended: {ENDED[ended]}." if ended is not None else ""
    return f"{states(row.state for row in trials)}.{why}" if trials else "None."


def _others(rows: Sequence[TrialRow]) -> str:
    """What stands in the table beside the trials of the search; empty where nothing does."""
    roles = {row.role for row in rows}
    names = {"baseline": "the networks from scratch", "confirmation": "the confirmations, each on one fold"}
    return " and ".join(name for role, name in names.items() if role in roles)
