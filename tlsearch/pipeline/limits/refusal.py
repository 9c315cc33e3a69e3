"""A limit of time in which no run comes to its end is refused, as soon as that is known and before it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tlsearch.errors import PluginError, TrialError, UsageError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.shortest_limit import EndCosts, least_seconds, may_take, named_limit
from tlsearch.runs.budget import TimeBudget
from tlsearch.utils.units import format_duration, short_duration
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.watch import Watch

LATEST = 0.8
"""The share of the limit of time in which the plan must be ready."""

MEASURE_SECONDS = 6.0
"""Seconds in which a network is measured, about, before any was."""

DOUBT = 1.3
"""How many times longer than known the shortest run may be where some of its networks were not measured yet."""

ENOUGH_READ, ENOUGH_SECONDS = 0.05, 2.0
"""The share of the images, and the seconds, after which it is known how long it takes to read all of them."""

_KEY = ("least seconds",)


@contextmanager
def refuse_before_limit(context: RunContext) -> Iterator[None]:
    """Raise ``UsageError`` where the plan, which is made in the block, is not ready before its limit of time is over.

    The worker is ended for that: to start it, or to measure one network, may take minutes on a machine that is busy.
    """
    limit, elapsed = context.budget.limit, context.budget.elapsed()
    if limit is None or context.checkpoint.get(_KEY, float) is not None:
        yield
        return
    watch = Watch(max(0.0, LATEST * limit - elapsed), context.worker.interrupt)
    try:
        with watch:
            yield
    except (WorkerDiedError, PluginError, TrialError) as error:
        if not watch.has_ended_it:
            raise
        needed = format_duration(named_limit(DOUBT * 2 * context.budget.elapsed()))
        raise UsageError(
            f"--time-limit is {format_duration(limit)}, but it must be {needed} or more: the networks could not be "
            f"measured in {short_duration(LATEST * limit)} on this machine, as busy as it is now."
        ) from error


def plan_is_late(budget: TimeBudget) -> bool:
    """Whether the time in which the plan must be ready is over, so that ``refuse_before_limit`` ends the worker."""
    return budget.limit is not None and budget.elapsed() >= LATEST * budget.limit


@dataclass
class ReadingWatch:
    """Refuses a limit of time that is over before the images are read; asked after every image.

    Attributes:
        context: The run.
        began: When the first image was read, in seconds since the start of the run.
    """

    context: RunContext
    began: float

    def __call__(self, done: int, total: int) -> None:
        """Raise ``UsageError`` where that is known after ``done`` of ``total`` images."""
        budget, config = self.context.budget, self.context.config
        took = budget.elapsed() - self.began
        if budget.limit is None or took < ENOUGH_SECONDS or done < ENOUGH_READ * total:
            return
        from_scratch = int(config.baseline != "none")
        end = EndCosts(test_images=0, decode_seconds=0.0, from_scratch=from_scratch).price((0.0, 0.0))
        least = self.began + took / done * total + end.seconds
        if least > may_take(budget.limit) and self.context.checkpoint.get(_KEY, float) is None:
            raise UsageError(
                f"--time-limit is {format_duration(budget.limit)}, but it must be "
                f"{format_duration(named_limit(DOUBT * least))} or more: to read the {total:,} images takes about "
                f"{short_duration(took / done * total)} on this machine."
            )


def refuse_if_hopeless(context: RunContext, data: Data, facts: Sequence[MeasuredCandidate]) -> None:
    """Raise ``UsageError`` where even the shortest run would end far beyond its limit of time; says which is enough.

    Asked once in a run, when all networks were measured and before it has begun anything.
    """
    limit, config = context.budget.limit, context.config
    if limit is None:
        return
    end = EndCosts.of(context, data)
    least: float = context.checkpoint.get_or_compute(
        _KEY, float, lambda: least_seconds(facts, data, config, end, context.budget.elapsed())
    )
    if least > may_take(limit):
        raise _refusal(limit, least, facts)


def refuse_while_measuring(
    context: RunContext, data: Data, sure: Sequence[MeasuredCandidate], unknown: int, longest: float
) -> None:
    """Raise ``UsageError`` where it is known by now that the limit is too short, before the rest is measured.

    Args:
        context: The run.
        data: The images.
        sure: What was measured of networks that will take part as they are.
        unknown: How many are still to be measured.
        longest: The seconds that the longest measurement took; 0 before any.
    """
    limit, config = context.budget.limit, context.config
    if limit is None or context.checkpoint.get(_KEY, float) is not None:
        return
    known = least_seconds(sure, data, config, EndCosts.of(context, data), context.budget.elapsed())
    if known + unknown * longest > may_take(limit):
        guessed = DOUBT * (known + unknown * max(longest, MEASURE_SECONDS)) if unknown else known
        raise _refusal(limit, guessed, sure)


def _refusal(limit: float, least: float, facts: Sequence[MeasuredCandidate]) -> UsageError:
    names = ", ".join(item.candidate.label for item in facts) or "this request"
    return UsageError(
        f"--time-limit is {format_duration(limit)}, but it must be {format_duration(named_limit(least))} or more: the "
        f"shortest run of {names}, with a linear probe alone, takes about as long on this machine."
    )
