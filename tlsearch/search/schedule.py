"""How long trained trials are, and on how many folds they run, so that they fit into the time."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from tlsearch.search.cost import Costs
from tlsearch.search.space import SearchSpace
from tlsearch.search.warm_start import depths_of
from tlsearch.types import TrialSpec

FEWEST_STEPS = 100
"""Steps below which tuning a suffix is no longer worth trying."""


def fit_schedule(space: SearchSpace, costs: Costs, cap: float | None, *, fixed: bool) -> SearchSpace:
    """Give the space with as many steps as fit, unless they are ``fixed``.

    ``costs`` get the number of folds that a trained trial runs on.
    """
    if cap is not None and not fixed:
        space = replace(space, steps=fitting_steps(space, costs, cap))
    costs.trained_folds = folds_within(space, costs, cap)
    return space


def fitting_steps(space: SearchSpace, costs: Costs, cap: float) -> int:
    """The schedule, or as many steps as let one candidate tune its last half.

    Its training takes no longer than ``cap``, and no more than twice that with the views that it reads.
    """

    def too_long(steps: int) -> bool:
        halves = _tuned_halves(replace(space, steps=steps))
        return not any(costs.fold_seconds(half) <= cap and costs.seconds(half) <= 2 * cap for half in halves)

    # Time rises with the steps, and with the views that a longer schedule takes: a bisection finds the last that fits.
    fitting = bisect_left(range(space.steps + 1), True, key=too_long) - 1
    return min(space.steps, max(FEWEST_STEPS, fitting))


def folds_within(space: SearchSpace, costs: Costs, cap: float | None) -> int:
    """On how many folds a trained trial runs: as many as let one candidate tune its last half within the cap."""
    if cap is None:
        return costs.folds
    halves = _tuned_halves(space)
    fitting = [n for n in range(2, costs.folds + 1) if min(costs.seconds_on(spec, n) for spec in halves) <= cap]
    return max(fitting, default=1)


def _tuned_halves(space: SearchSpace) -> list[TrialSpec]:
    """For every candidate the trial that tunes its last half, as the warm start has it."""
    return [
        space.spec(space.params(candidate, train_suffix=True, freeze_depth=middle, policy=space.policy_of("strong")))
        for candidate in space.candidates
        for middle in [depths_of(candidate, space.hints_of(candidate))[0]]
    ]
