"""Messages of the plan about time: the warning of a limit that is too short, and how long a run without one takes."""

from __future__ import annotations

import math

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.duration import whole_seconds
from tlsearch.pipeline.limits.expected_run import ExpectedRun
from tlsearch.pipeline.limits.shortage_estimates import Estimates
from tlsearch.pipeline.limits.shortage_sentence import shortage
from tlsearch.pipeline.measure import measure_small_network
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.preflight import Ready
from tlsearch.pipeline.scratch_time import share_of
from tlsearch.runs.budget import SHARES
from tlsearch.utils.units import counted, short_duration


def warn_if_short(context: RunContext, plan: Plan, ready: Ready) -> None:
    """Say, once in a run, what the limits are too short for, and what would be enough.

    Nothing is said where the plan's own estimates say that all fits.
    """
    with context.budget.measure("plan"):
        sentence = context.checkpoint.get_or_compute(("limits",), str, lambda: _shortage(context, plan, ready))
    if sentence:
        context.callbacks.on_warning(sentence)


def say_duration(context: RunContext, plan: Plan) -> None:
    """Say how long a run without a limit of time will take, about; with one its limit says it."""
    config, started = context.config, context.budget.elapsed()
    if context.budget.limit is not None:
        return
    with context.budget.measure("plan"):
        small = () if config.baseline == "none" else _small_network(context, plan, None)
        expected = ExpectedRun(
            config=config,
            data=plan.data,
            space=plan.space,
            costs=plan.costs,
            scratch=None,
            limit=math.inf,
            cap=math.inf,
            workers=len(context.pool.able(solved=False)),
        )
        trials = config.effective_trials
        seconds = started + whole_seconds(expected, plan, small, trials)
    text = short_duration(rounded(seconds))
    context.callbacks.on_step("plan", f"about {text} for {counted(trials, 'trial')} and all else, as measured here")


def rounded(seconds: float) -> float:
    """Round a duration to what an estimate is worth: ten seconds, minutes, from an hour on ten minutes."""
    unit = 10.0 if seconds < 120 else 60.0 if seconds < 3600 else 600.0
    return unit * max(1, round(seconds / unit))


def _shortage(context: RunContext, plan: Plan, ready: Ready) -> str:
    config, limit = context.config, context.budget.limit
    estimates = Estimates(
        plan=plan,
        config=config,
        full_sizes={
            (item.backbone.name, item.weights.name): size
            for item, size in zip(ready.candidates, ready.sizes, strict=True)
        },
        small=_small_network(context, plan, SHARES["baseline"] * limit) if limit and config.baseline != "none" else (),
        limit=limit,
        spent=context.budget.elapsed(),
        workers=len(context.pool.able(solved=False)),
    )
    return shortage(estimates, config.effective_trials)


def _small_network(context: RunContext, plan: Plan, share: float | None) -> tuple[MeasuredCandidate, ...]:
    """The small network, as the plan has measured it; ``share`` None without a limit of time."""
    render_seconds = plan.costs.render_seconds(plan.space.policy_of("strong"))
    budget = None if share is None else share_of(plan.data, share)
    return measure_small_network(context, plan.data, budget, render_seconds)
