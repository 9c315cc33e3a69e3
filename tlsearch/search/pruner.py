"""A pruner that compares a trial only with its own kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

from tlsearch.search.storage import sign_of
from tlsearch.search.trial_record import Curve, TrialRecord
from tlsearch.types import Kind

WARM_SHARE = 0.4
"""No trial is pruned before this share of its steps."""

FEWEST_RIVALS = 3
"""Complete trials of the same kind that a median needs."""


class SameKindPruner(BasePruner):
    """The median rule (Golovin et al. 2017) among trials of one kind, at the same share of their schedules.

    A trial is pruned where the mean of its last three objectives is worse than the median of what its rivals, the
    complete trials of its kind, had reached at the same share.
    """

    def __init__(self, kind: Kind, finished: Sequence[TrialRecord], shares: Mapping[int, float]) -> None:
        """Make the pruner of one trial.

        Args:
            kind: The kind of the trial.
            finished: The trials before it.
            shares: The share of its schedule that the trial has done, 0 to 1, by the number of the epoch. It grows
                while the trial goes on; Optuna itself keeps the objectives only.
        """
        self._rivals = [f.curve for f in finished if f.state == "complete" and f.spec.kind == kind and f.curve]
        self._shares = shares

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial is pruned after the last epoch that it has reported."""
        if trial.last_step is None:
            return False
        share = self._shares[trial.last_step]
        if share < WARM_SHARE or share >= 1.0 or len(self._rivals) < FEWEST_RIVALS:
            return False
        objectives = [objective for _, objective in sorted(trial.intermediate_values.items())]
        sign = sign_of(study)
        return sign * _mean(objectives[-3:]) < median(sign * _at(curve, share) for curve in self._rivals)


def _at(curve: Curve, share: float) -> float:
    """The mean of the last three objectives of a curve up to ``share``."""
    so_far = [objective for at, objective in curve if at <= share + 1e-9] or [curve[0][1]]
    return _mean(so_far[-3:])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
