"""How long a network from scratch is trained: steps, epochs and seconds."""

from __future__ import annotations

import math

from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.halving import RaceResult
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS, costs_of
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.cost import WHOLE_COMPILE_SECONDS, FromScratchCosts
from tlsearch.training.batches import steps_per_epoch

LATE = 1.2
"""How many times its time a network from scratch may take, where the machine has become slower since it was planned."""


def affordable_steps(context: RunContext, plan: Plan, facts: MeasuredCandidate, budget: float | None) -> int:
    """As many steps as fit the budget; 60 epochs, and no fewer steps than a trial has, without one."""
    per_epoch, wanted = epoch_steps(context.config, plan.data), wanted_steps(context, plan)
    if budget is None:
        return wanted
    epochs = scratch_costs(plan).halving_epochs(facts, budget)
    return min(wanted, max(int(epochs * per_epoch), 10))


def has_epoch(context: RunContext, plan: Plan, facts: MeasuredCandidate, budget: float | None) -> bool:
    """Whether the steps that are affordable are half an epoch or more; the same in every attempt at a run.

    Of few images the fewest steps are that, whatever the time.
    """

    def fits() -> bool:
        return 2 * affordable_steps(context, plan, facts, budget) >= epoch_steps(context.config, plan.data)

    return context.checkpoint.get_or_compute(("baseline has an epoch",), bool, fits)


def halving_seconds(context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int) -> float | None:
    """The seconds that all learning rates of a network may take; None without a limit.

    That is what they are estimated to take and a little more, and never what the rest of the run needs.
    """
    left = context.budget.left_for("rest")
    if left is None:
        return None
    epochs = math.ceil(steps / epoch_steps(context.config, plan.data))
    return min(left, LATE * context.budget.price(scratch_costs(plan).halving_seconds(facts, epochs)))


def note_halving_pace(budget: TimeBudget, plan: Plan, facts: MeasuredCandidate, raced: RaceResult) -> None:
    """Take in what the epochs took beside what they were estimated to take."""
    trained = sum(outcome.result.history[-1]["epoch"] for outcome in raced.outcomes if outcome.result.history)
    estimated = trained * scratch_costs(plan).epoch_seconds(facts) + WHOLE_COMPILE_SECONDS
    budget.pace.note(estimated, sum(outcome.result.seconds for outcome in raced.outcomes))


def wanted_steps(context: RunContext, plan: Plan) -> int:
    """The schedule without a limit of time: 60 epochs, and no fewer steps than a trial has; or what was asked for."""
    if context.config.epochs is not None:
        return plan.space.steps
    return max(UNLIMITED_EPOCHS * epoch_steps(context.config, plan.data), plan.space.steps)


def whole_epochs(context: RunContext, plan: Plan) -> int:
    """The epochs of the schedule that neither the time nor ``--epochs`` cuts short."""
    return max(UNLIMITED_EPOCHS, round(wanted_steps(context, plan) / epoch_steps(context.config, plan.data)))


def scratch_costs(plan: Plan) -> FromScratchCosts:
    """What training from scratch costs, with the strong augmentation."""
    return costs_of(plan.data, plan.costs.render_seconds(plan.space.policy_of("strong")))


def epoch_steps(config: RunConfig, data: Data) -> int:
    """The training steps of an epoch."""
    return steps_per_epoch(len(data.fold.train), config.batch_size)
