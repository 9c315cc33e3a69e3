"""How long a run without a limit of time will take, by what the plan has measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.baseline.affordable import typical_operations
from tlsearch.pipeline.confirm import MOST_FOLDS, REPEATS
from tlsearch.pipeline.confirm.fold_runs import more_views
from tlsearch.pipeline.limits.expected_run import ExpectedRun, first_trials
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS, costs_of
from tlsearch.search.cost import FIXED_SECONDS, HALVING_WORK
from tlsearch.types import TrialSpec

LAST_SECONDS = 40.0
"""Seconds for making, loading and testing models, insights and the report, about."""

STAYING = 2
"""Contenders that run on all folds of the confirmation, about: of three one is behind soon."""


def whole_seconds(expected: ExpectedRun, plan: Plan, small: Sequence[MeasuredCandidate], trials: int) -> float:
    """Give the seconds from now to the end of a run without a limit, about.

    Args:
        expected: The run, with its schedule.
        plan: Its plan.
        small: The small network from scratch as it was measured; empty where nothing is trained from scratch.
        trials: The trials of the search.
    """
    costs = expected.costs
    views = sum(facts.forward_seconds for facts in costs.facts.values()) * costs.images
    profile = views + FIXED_SECONDS * len(costs.facts)
    search = expected.seconds_of_all(trials)
    scratch = _scratch_seconds(plan, small, trials, expected) if small else 0.0
    # Every network from scratch is trained on the folds of the confirmation too, with one learning rate.
    confirm = _confirm_seconds(expected, trials) + MOST_FOLDS * scratch / HALVING_WORK
    return profile + scratch + search + confirm + LAST_SECONDS


def _scratch_seconds(plan: Plan, small: Sequence[MeasuredCandidate], trials: int, expected: ExpectedRun) -> float:
    """The networks from scratch, of which the large one takes part where it takes no longer than all trials."""
    data, config = plan.data, expected.config
    costs = costs_of(data, plan.costs.render_seconds(plan.space.policy_of("strong")))
    per_epoch = max(1, math.ceil(len(data.fold.train) / config.batch_size))
    steps = plan.space.steps if config.epochs is not None else max(UNLIMITED_EPOCHS * per_epoch, plan.space.steps)
    epochs = math.ceil(steps / per_epoch)
    seconds = costs.halving_seconds(small[0], epochs)
    large = min(plan.measured.values(), key=lambda facts: costs.halving_operations(facts, steps, config.batch_size))
    if costs.halving_operations(large, steps, config.batch_size) <= trials * typical_operations(plan):
        seconds += costs.halving_seconds(large, epochs)
    return seconds


def _confirm_seconds(expected: ExpectedRun, trials: int) -> float:
    """The contenders on resampled folds: as dear as the dearest of the first trials of the cheapest candidate."""
    costs = replace(expected.costs, made=set())
    costs.remember_profile()

    def seconds(spec: TrialSpec) -> float:
        each = costs.fold_seconds(spec)
        return STAYING * (MOST_FOLDS * each + costs.view_seconds(more_views(spec))) + REPEATS * each

    return min(
        max(seconds(spec) for spec in first_trials(expected.space, costs, (candidate,), trials))
        for candidate in expected.space.candidates
    )
