"""Whether the winner's kind of network can be trained from scratch in the time that there is."""

from __future__ import annotations

import numpy as np

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.scratch_time import ENOUGH_EPOCHS
from tlsearch.search.cost import FromScratchCosts
from tlsearch.search.space import Params
from tlsearch.search.warm_start import depths_of
from tlsearch.utils.units import short_duration


def not_affordable(
    context: RunContext,
    plan: Plan,
    costs: FromScratchCosts,
    large: MeasuredCandidate,
    share: float | None,
    steps: int,
) -> tuple[str, ...]:
    """Say why ``large`` is not trained from scratch, where that would take too long; else nothing.

    With a limit of time it is too long where it needs more than ``share`` seconds. Without one (None), by the
    deterministic estimate, where ``steps`` steps need more than all trials together: a run of a few trials must not be
    spent on what these are compared with.
    """
    name = large.candidate.backbone
    if share is not None:
        needed = costs.halving_seconds(large, ENOUGH_EPOCHS)
        if needed <= share:
            return ()
        would, may, limit = map(
            short_duration, (context.budget.price(needed), context.budget.price(share), context.budget.most(1.0))
        )
        return (
            f"{name} ({ENOUGH_EPOCHS} epochs would take about {would}, and {may} of the run's {limit} are kept for it)",
        )
    trials = context.config.effective_trials
    if costs.halving_operations(large, steps, context.config.batch_size) <= trials * typical_operations(plan):
        return ()
    return (f"{name} (it would take longer than all {trials} trials together)",)


def typical_operations(plan: Plan) -> float:
    """Give the mean cost of a linear head and of trials that tune much and little, of every candidate."""
    space = plan.space
    chosen: list[Params] = []
    for candidate in space.candidates:
        chosen.append(space.params(candidate))
        for depth in depths_of(candidate, space.hints_of(candidate)):
            chosen.append(space.params(candidate, train_suffix=True, freeze_depth=depth))
    return float(np.mean([plan.costs.operations(space.spec(params)) for params in chosen]))
