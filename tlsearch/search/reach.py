"""Whether a proposal could still be the best, by what trials of its kind have reached; and what the choice is among.

Trials differ in cost by a factor of a hundred. Once layers have been tuned with success, a hundred more linear heads on
frozen features cost little each, and cannot win: the sampler weighs promise against cost, and would go on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec

FEWEST = 4
"""Trials of a kind before which nothing is concluded of it."""

FEWEST_COMPLETE = 2
"""Of these so many must be complete: they say how much trials of the kind differ. A pruned one lay below the median of
trials like it, and counts as one that reached the median."""

SPREADS = 3.0
"""How many standard deviations above the mean of its kind a trial may end: one of several hundred is beyond."""

Kind = tuple[str, str | None, bool, bool]


def kind_of(spec: TrialSpec) -> Kind:
    """Give the kind of a trial: network, weights, and whether layers are tuned or a hidden layer is trained."""
    return spec.backbone, spec.weights, spec.kind == "fine_tuning", spec.units > 0


def can_win(spec: TrialSpec, finished: Sequence[TrialRecord], folds: int, sign: float) -> bool:
    """Whether a trial may end above the best so far.

    Args:
        spec: What would be tried.
        finished: The trials so far.
        folds: On how many folds trials are compared.
        sign: 1 where a greater value is better, -1 where a smaller one is.
    """
    complete = [f for f in finished if f.state == "complete" and f.value is not None]
    kind = kind_of(spec)
    same = [sign * f.compared(folds) for f in complete if kind_of(f.spec) == kind]
    pruned = sum(f.state == "pruned" and kind_of(f.spec) == kind for f in finished)
    if len(same) < FEWEST_COMPLETE or len(same) + pruned < FEWEST:
        return True
    best = max(sign * f.compared(folds) for f in complete)
    reached = [*same, *[float(np.median(same))] * pruned]
    return float(np.mean(reached) + SPREADS * np.std(same, ddof=1)) > best or max(same) >= best


def every_model(_: TrialSpec) -> bool:
    """Let every model be used."""
    return True


@dataclass(frozen=True)
class Choice:
    """Says by ``may_ship`` which configurations may be the model to use; the others inform the search, and no more."""

    may_ship: Callable[[TrialSpec], bool] = every_model

    def among(self, trials: list[TrialRecord]) -> list[TrialRecord]:
        """Give those of ``trials`` that may be used; all where none may."""
        return [trial for trial in trials if self.may_ship(trial.spec)] or trials

    def rivals(self, spec: TrialSpec, trials: list[TrialRecord]) -> list[TrialRecord]:
        """Give those of ``trials`` that a trial of ``spec`` has to beat: where it may be used, only what may, too."""
        return [trial for trial in trials if self.may_ship(trial.spec)] if self.may_ship(spec) else trials
