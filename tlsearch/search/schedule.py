"""How long trained trials are, and on how many folds they run, so that they fit into the time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

from tlsearch.search.cost import FIXED_SECONDS, Costs
from tlsearch.search.space import SearchSpace
from tlsearch.search.warm_start import FEW_IMAGES, SKIP_CUTS, augmented_probe, depths_of, sees_augmented
from tlsearch.types import Candidate, TrialSpec

Tuned = Callable[[SearchSpace], list[TrialSpec]]
"""Gives for every candidate a trial that tunes some of it."""

FEWEST_STEPS = 100
"""Steps below which tuning a suffix is no longer worth trying."""

DEEP_STEPS, DEEP_STEPS_OF_FEW = 100, 200
"""Steps below which the later half of a network learns too little for its cost; of few images it takes more. With 96 on
3,068 photographs of clothes at 128 px, freezing the first 6 of 18 cut points of EfficientNet-Lite0 had 0.832 in
validation (the mean of three augmentations), the last stage with 199 had 0.796, and the best linear probe 0.827. With
100 on 180 photographs it was behind the probe (0.69 against 0.71)."""

MARGIN = 1.1
"""How much longer than estimated a trial may take and still end within the time that was left when it began."""

PLANNED_MARGIN = 1.25
"""The same where the schedule is planned: what comes before the trial may take longer than estimated, too."""

SETTLED_MARGIN = 1.15
"""The same where the schedule is settled: only the linear probes come before the trial."""


@dataclass(frozen=True, kw_only=True)
class TrialTime:
    """The time that there is for one trial.

    Attributes:
        cap: Seconds of training that it may take. Its views may take as long again.
        left: Seconds from its start to the end of the search.
        ships_again: Whether what ships is trained once more, on all images.
        margin: How much longer than estimated everything may take until then.
    """

    cap: float
    left: float
    ships_again: bool = False
    margin: float = PLANNED_MARGIN

    def fits(self, costs: Costs, spec: TrialSpec, folds: int) -> bool:
        """Whether a trial fits on so many folds."""
        training = costs.seconds_on(spec, folds)
        seconds = training + costs.view_seconds(spec)
        again = costs.fold_seconds(spec) if self.ships_again else 0.0
        return training <= self.cap and seconds <= 2 * self.cap and self.margin * (seconds + again) <= self.left


def left_for_trial(space: SearchSpace, costs: Costs, seconds: float) -> float:
    """What is left for the first trained trial of ``seconds`` for profile and search.

    Before it come the first views of every candidate, for the profile, and what ``left_after_probes`` counts.
    """
    views = sum(facts.forward_seconds for facts in costs.facts.values()) * costs.images
    return left_after_probes(space, costs, seconds - views)


def left_after_probes(space: SearchSpace, costs: Costs, seconds: float) -> float:
    """What is left for the first trained trial of ``seconds`` for the search.

    Before it come the linear probes that begin the search; of few images one on augmented images too, of which the
    cheapest candidate's is counted.
    """
    probes = 2 * len(space.candidates) + SKIP_CUTS - 1
    augmented = [
        costs.seconds(space.spec(augmented_probe(space, c))) for c in space.candidates if sees_augmented(space)
    ]
    return seconds - probes * FIXED_SECONDS - min(augmented, default=0.0)


def fit_schedule(space: SearchSpace, costs: Costs, time: TrialTime | None, *, fixed: bool) -> SearchSpace:
    """Give the space with as many steps as fit, unless they are ``fixed``; ``time`` None: all of them.

    Where one candidate can tune its later half for long enough, that is what must fit. Else the schedule is that of
    tuning its last stage alone. ``costs`` get the number of folds that a trained trial runs on.
    """
    tuned: Tuned = _tuned_halves
    if time is not None and not fixed:
        steps, tuned = _steps_and_trial(space, costs, time, 1)
        space = replace(space, steps=steps)
    costs.trained_folds = folds_within(space, costs, time, tuned)
    return space


def settled_steps(space: SearchSpace, costs: Costs, time: TrialTime) -> int:
    """The schedule, or as many steps as fit on the folds that were planned, by the rule of ``fit_schedule``."""
    return _steps_and_trial(space, costs, time, costs.trained_folds)[0]


def _steps_and_trial(space: SearchSpace, costs: Costs, time: TrialTime, folds: int) -> tuple[int, Tuned]:
    steps = _most_steps(space, costs, time, _tuned_halves, folds)
    enough = DEEP_STEPS_OF_FEW if space.train_images < FEW_IMAGES else DEEP_STEPS
    if steps >= min(enough, space.steps):
        return steps, _tuned_halves
    return fitting_steps(space, costs, time, _tuned_ends, folds), _tuned_ends


def fitting_steps(space: SearchSpace, costs: Costs, time: TrialTime, tuned: Tuned | None = None, folds: int = 1) -> int:
    """The schedule, or as many steps as let one candidate be ``tuned`` within ``time`` (default: its later half).

    They are no fewer than ``FEWEST_STEPS``, unless the schedule is.
    """
    return min(space.steps, max(FEWEST_STEPS, _most_steps(space, costs, time, tuned or _tuned_halves, folds)))


def _most_steps(space: SearchSpace, costs: Costs, time: TrialTime, trials: Tuned, folds: int) -> int:
    """The most steps of the schedule with which one of the trials fits; -1 where none does."""

    def too_long(steps: int) -> bool:
        return not any(time.fits(costs, spec, folds) for spec in trials(replace(space, steps=steps)))

    # Time rises with the steps, and with the views that a longer schedule takes: a bisection finds the last that fits.
    return bisect_left(range(space.steps + 1), True, key=too_long) - 1


def folds_within(space: SearchSpace, costs: Costs, time: TrialTime | None, tuned: Tuned | None = None) -> int:
    """On how many folds a trained trial runs: as many as let one candidate be ``tuned`` within ``time``."""
    if time is None:
        return costs.folds
    specs = (tuned or _tuned_halves)(space)
    fitting = [n for n in range(2, costs.folds + 1) if any(time.fits(costs, spec, n) for spec in specs)]
    return max(fitting, default=1)


def _tuned_halves(space: SearchSpace) -> list[TrialSpec]:
    """For every candidate the trial that tunes its later half, as the warm start has it."""
    return [_tuned(space, c, depths_of(c, space.hints_of(c))[0], space.policy_of("strong")) for c in space.candidates]


def _tuned_ends(space: SearchSpace) -> list[TrialSpec]:
    """For every candidate the trial that tunes its last stage, as the warm start has it."""
    return [_tuned(space, c, depths_of(c, space.hints_of(c))[1], space.policy_of("mild")) for c in space.candidates]


def _tuned(space: SearchSpace, candidate: Candidate, freeze_depth: int, policy: str) -> TrialSpec:
    return space.spec(space.params(candidate, train_suffix=True, freeze_depth=freeze_depth, policy=policy))
