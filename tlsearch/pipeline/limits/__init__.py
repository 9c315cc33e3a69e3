"""limits: whether the limits of time and of trials leave room for what a run is there to do; if not, what would."""

from __future__ import annotations

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.estimates import Estimates
from tlsearch.pipeline.limits.sentence import shortage
from tlsearch.pipeline.measure import measure_small_network
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.preflight import Ready
from tlsearch.pipeline.scratch_time import share_of
from tlsearch.runs.budget import SHARES


def warn_if_short(context: RunContext, plan: Plan, ready: Ready) -> None:
    """Say, once in the life of a run, what the limits are too short for, and what would be enough.

    Nothing is said where the plan's own estimates say that all fits.
    """
    with context.budget.measure("plan"):
        sentence = context.checkpoint.get_or_compute(("limits",), str, lambda: _shortage(context, plan, ready))
    if sentence:
        context.callbacks.on_warning(sentence)


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
        workers=len(context.pool.workers),
    )
    return shortage(estimates, config.effective_trials)


def _small_network(context: RunContext, plan: Plan, share: float) -> tuple[MeasuredCandidate, ...]:
    """The small network, as the plan has measured it."""
    render_seconds = plan.costs.render_seconds(plan.space.policy_of("strong"))
    return measure_small_network(context, plan.data, share_of(plan.data, share), render_seconds)
