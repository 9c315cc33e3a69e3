"""What to do after a run: what would help most, each step with its evidence."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping

from tlsearch.report.insights import shown_suspects
from tlsearch.report.verdict.fair import epochs_of, is_unfinished, no_claim
from tlsearch.report.verdict.more_images import more_images
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, NextStep
from tlsearch.types import SearchEnd
from tlsearch.utils.units import counted, format_duration

FEW_TUNED = 5
"""Trials that tuned layers below which more time is the first thing to try, where the search had no more."""

TELLING = 0.5
"""The share of its schedule after which the curve of a network from scratch mostly tells the rest."""

ENDED: Mapping[SearchEnd, str] = {
    "trials": "all trials done",
    "enough": "more trials could gain less than the validation images can show",
    "reach": "what else was proposed is of kinds that have stayed too far behind",
    "time": "its time is used up",
    "space": "nothing new was proposed",
    "failures": "three trials in a row failed for one reason",
    "plugins": "without the plugins that failed there is nothing new to try",
}
"""Why a search ended, in words."""


def next_steps(result: RunResult, model: str) -> Iterator[NextStep]:
    """What would help most, the surest first. ``model`` is the folder of the model to use."""
    if short := _short_of_time(result):
        yield NextStep(said=short, command=_with_more_time(result))
    if step := more_images(result, model).step:
        yield NextStep(said=step)
    errors = result.insights.label_errors
    if errors is not None and errors.estimated and errors.suspects:
        yield NextStep(
            said=f"Check the {counted(shown_suspects(errors), 'image')} whose labels may be wrong: the report shows "
            "them. Models that were not trained on them are sure of another class. Correct what is wrong, and run "
            "again."
        )
    absent = [item.name for item in result.plan.left_out if "download" in item.reason]
    if absent:
        yield NextStep(
            said=f"Try another network: {', '.join(absent)} took no part, because the weights are not on this machine.",
            command=f"tlsearch weights fetch {shlex.quote(absent[0])}",
        )


def _with_more_time(result: RunResult) -> str | None:
    """The command of a run with twice the time, or more where the network from scratch needs it to be compared.

    None where the result has no command that repeats the run, or the run had no limit of time.
    """
    scratch, times = result.baseline, 2
    if not result.command or result.plan.time_limit is None:
        return None
    if scratch is not None and _ends_claims(scratch, result) and scratch.whole_epochs is not None:
        times = max(times, math.ceil(TELLING * scratch.whole_epochs / max(1, scratch.epochs)))
    limit, output = format_duration(times * result.plan.time_limit), shlex.quote(f"{result.output.folder}-longer")
    return f"{result.command} --time-limit {limit} --output {output}"


def _ends_claims(scratch: Baseline, result: RunResult) -> bool:
    """Whether the time of the network from scratch was too short for a comparison."""
    return scratch.stopped_by == "time" and is_unfinished(scratch) and bool(no_claim(result))


def _short_of_time(result: RunResult) -> str:
    """What more time would be good for; empty where the time has ended nothing."""
    limit, scratch = result.plan.time_limit, result.baseline
    if limit is None:
        return ""
    trained = ""
    if scratch is not None and _ends_claims(scratch, result):
        trained = f"the network from scratch was trained for {epochs_of(scratch)}"
    tuned = sum(row.role == "trial" and row.kind == "fine_tuning" and row.state == "complete" for row in result.trials)
    if result.search_ended == "time" and tuned < FEW_TUNED and result.plan.tunes_layers:
        trials = f"only {counted(tuned, 'trial')}" if tuned else "no trial"
        ended = f"{trials} that tuned layers of a network came to an end within {format_duration(limit)}"
        more = f", and {trained}, too few to say whether pre-training helped" if trained else ""
        return f"Give it more time: {ended}{more}."
    if trained:
        return f"The model is ready. Only to learn whether pre-training helped, give it more time: {trained}."
    return ""
