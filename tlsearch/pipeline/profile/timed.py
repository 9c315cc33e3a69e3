"""A network is asked for its linear probes within a time, and how long that took sets the pace of what comes later."""

from __future__ import annotations

from typing import Any

from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.jobs import Job, ask
from tlsearch.runs.budget import TimeBudget
from tlsearch.worker.protocol import ProfileCandidate, ScreenCandidate

Scores = tuple[tuple[float, float], ...]
"""(accuracy, standard error) of a linear probe at each cut."""

MOST_TIME = 0.3
"""The share of the limit of time that the first views of a network, or a look at it, may take: three times what is
planned for all. It is left out where they take more; the cheapest network is not, for without one nothing is found."""

NO_TIME = "there was no time for its features"


def most_seconds(budget: TimeBudget) -> float | None:
    """How many seconds a network may take that can be left out; None without a limit."""
    left = budget.left_for("rest")
    return None if left is None else min(left, budget.most(MOST_TIME))


def timed_scores(
    context: RunContext, request: ProfileCandidate | ScreenCandidate, key: tuple[Any, ...], estimated: float
) -> Job[Scores]:
    """Give the scores of a network, from the checkpoint where it has them.

    Args:
        context: The run.
        request: What is asked, with the seconds that it may take.
        key: What the checkpoint knows the answer by.
        estimated: The seconds that it was estimated to take.

    Raises:
        OutOfTimeError: Its time was over, in this attempt at the run or in an earlier one.
    """
    budget = context.budget
    kept: Scores | None = context.checkpoint.get(key, Scores)
    took: float | None = context.checkpoint.get(("seconds", *key), float)
    if kept is None:
        began = budget.elapsed()
        try:
            kept, _ = yield from ask(request, context.progress("profile"))
        except OutOfTimeError:
            kept = ()  # a run that is resumed leaves it out, too
        took = budget.elapsed() - began
        context.checkpoint.put(("seconds", *key), took)
        context.checkpoint.put(key, kept)
    if took is not None:
        (budget.pace.note if kept else budget.pace.note_unfinished)(estimated, took)
    if not kept:
        raise OutOfTimeError(f"there was no time for the features of {request.candidate.label}")
    return kept
