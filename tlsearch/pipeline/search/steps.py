"""How long trained trials are, once it is known how much time profile and baseline have left for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import final_seconds
from tlsearch.search.schedule import SETTLED_MARGIN, TrialTime, left_after_probes, settled_steps
from tlsearch.search.space import schedule
from tlsearch.types import Candidate


def settle_steps(context: RunContext, plan: Plan, best: Sequence[Candidate], baseline: BaselineResult | None) -> Plan:
    """Give the plan with the steps that fit into the time that is left, and say so where they are others.

    The plan could only estimate what profile and baseline would take. A schedule that is a little too long for what
    they left would keep the search from its most promising trial, which tunes half of a network; one that is shorter
    than it may be learns less. A run that is resumed keeps the steps of its trials.

    Args:
        context: The run.
        plan: Its plan.
        best: The candidates that are worth tuning.
        baseline: What was trained from scratch. With folds it is trained once more at the end, on all images.
    """
    left = context.budget.left_for("rest")
    if left is None or plan.cap is None or context.config.epochs is not None:
        return plan
    cap, data, refit = plan.cap, plan.data, context.config.refit
    alone = sum(network.estimated_seconds for network in scratch_of(baseline))
    usable = left / context.budget.pace.factor - final_seconds(plan, (), alone, refit=refit)

    def fitting() -> int:
        whole = schedule(len(data.fold.train), context.config.batch_size, None)
        space = replace(plan.space, candidates=tuple(best), steps=whole)
        time = TrialTime(
            cap=cap,
            left=left_after_probes(space, plan.costs, usable),
            ships_again=data.uses_folds or refit,
            margin=SETTLED_MARGIN,
        )
        return settled_steps(space, plan.costs, time)

    steps: int = context.checkpoint.get_or_compute(("steps",), int, fitting)
    if steps != plan.space.steps:
        context.callbacks.on_step("search", f"{steps} steps a trained trial, by the time that is left")
    return replace(plan, space=replace(plan.space, steps=steps))
