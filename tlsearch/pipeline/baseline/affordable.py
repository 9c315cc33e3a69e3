"""Whether the winner's kind of network can be trained from scratch in the time that there is."""

from __future__ import annotations

import numpy as np

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.search.cost import HALVING_WORK, FromScratchCosts
from tlsearch.search.space import Params
from tlsearch.search.warm_start import depths_of
from tlsearch.utils.units import short_duration

ENOUGH_EPOCHS = 30
"""Epochs below which a large network from scratch would be a strawman."""


def costs_of(data: Data) -> FromScratchCosts:
    """What it costs to train networks from scratch on these images."""
    return FromScratchCosts(len(data.fold.train), len(data.pool))


def share_of(data: Data, share: float) -> float:
    """The seconds of the baseline's ``share`` for its learning rates.

    With folds it is less, because what ships of a network from scratch is trained once more, on the whole pool.
    """
    return share * HALVING_WORK / (HALVING_WORK + 1) if data.uses_folds else share


def not_affordable(
    context: RunContext, plan: Plan, large: MeasuredCandidate, share: float | None, steps: int
) -> tuple[str, ...]:
    """Say why ``large`` is not trained from scratch, where that would take too long; else nothing.

    With a limit of time it is too long where it needs more than ``share`` seconds. Without one (None), by the
    deterministic estimate, where ``steps`` steps need more than all trials together: a run of a few trials must not be
    spent on what these are compared with.
    """
    costs, name = costs_of(plan.data), large.candidate.backbone
    if share is not None:
        needed = costs.halving_seconds(large, ENOUGH_EPOCHS)
        if needed <= share:
            return ()
        limit = short_duration(context.budget.most(1.0))
        return (f"{name} ({ENOUGH_EPOCHS} epochs would take about {short_duration(needed)} of the run's {limit})",)
    trials = context.config.effective_trials
    if costs.halving_operations(large, steps, context.config.batch_size) <= trials * typical_operations(plan):
        return ()
    return (f"{name} (it would take longer than all {trials} trials together)",)


def typical_operations(plan: Plan) -> float:
    """Give the mean cost of a solved head and of trials that tune much and little, of every candidate."""
    space = plan.space
    chosen: list[Params] = []
    for candidate in space.candidates:
        chosen.append(space.params(candidate))
        for depth in depths_of(candidate, space.hints_of(candidate)):
            chosen.append(space.params(candidate, train_suffix=True, freeze_depth=depth))
    return float(np.mean([plan.costs.operations(space.spec(params)) for params in chosen]))
