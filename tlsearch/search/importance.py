"""What mattered in the search: how much of the scores' variance each parameter explains by itself.

fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014) fits a random forest to the scores and asks it for the share of the
variance that is left when all other parameters are averaged out. It wants every parameter in every trial, which this
search space has, and final scores: trials that were pruned, timed out or failed have none and are left out.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.results.schema import Importance, ParameterImportance
from tlsearch.search.trial_record import ATTRIBUTE

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FEWEST_TRIALS = 10
"""Complete trials below which a forest over 14 parameters says nothing."""

GROUPS = 5
"""Groups of trials that are left out in turn, for the standard errors."""

TREES, FEWER_TREES = 64, 32
"""Trees of a forest: of the one whose shares are given, and of those that only the errors come from."""


def parameter_importance(study: optuna.Study) -> Importance:
    """Give the shares of variance with their standard errors, the largest first.

    There are none with fewer than ``FEWEST_TRIALS`` complete trials, or where all of them have one score. Proposals
    that led to a trial that had been run before are not counted again. Rates and widths that are searched on a
    logarithmic scale are compared on it. A parameter that has one value in all trials has no share. Standard errors are
    those of the delete-a-group jackknife over five groups of trials (Kott, J. Off. Stat. 17 (2001) 521). The same study
    gives the same numbers.
    """
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    trials = [_comparable(trial) for trial in complete if ATTRIBUTE in trial.user_attrs]
    if len(trials) < FEWEST_TRIALS or not _vary(trials):
        return Importance("fanova", len(trials))
    shares = _shares(trials, TREES)
    parts = [[t for n, t in enumerate(trials) if n % GROUPS != left_out] for left_out in range(GROUPS)]
    replicates = [_shares(part, FEWER_TREES) for part in parts if _vary(part)]
    found = [
        ParameterImportance(name, share, _jackknife(share, [r[name] for r in replicates]))
        for name, share in shares.items()
        if len({trial.params[name] for trial in trials}) > 1
    ]
    return Importance("fanova", len(trials), tuple(sorted(found, key=lambda p: (-p.share, p.name))))


def _comparable(trial: FrozenTrial) -> FrozenTrial:
    """A finished trial whose logarithmic parameters are logarithms on a plain scale.

    fANOVA averages evenly over the range that it is given.
    """
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.trial import create_trial

    params, distributions = dict(trial.params), dict[str, "BaseDistribution"](trial.distributions)
    for name, known in trial.distributions.items():
        if isinstance(known, FloatDistribution | IntDistribution) and known.log:
            params[name] = math.log(params[name])
            distributions[name] = FloatDistribution(math.log(known.low), math.log(known.high))
    return create_trial(params=params, distributions=distributions, value=trial.value)


def _vary(trials: Sequence[FrozenTrial]) -> bool:
    return len({trial.value for trial in trials}) > 1


def _shares(trials: Sequence[FrozenTrial], trees: int) -> dict[str, float]:
    """Share of variance by parameter, 0 to 1; what parameters explain only together is in none of them."""
    import optuna
    from optuna.exceptions import ExperimentalWarning

    study = optuna.create_study(direction="maximize", storage=optuna.storages.InMemoryStorage())
    study.add_trials(trials)
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=trees, seed=0)
    with warnings.catch_warnings():
        # Made to sum to 1, shares would hide how much is explained only together.
        warnings.filterwarnings("ignore", message=r"Argument ``normalize``", category=ExperimentalWarning)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)
    return {name: float(share) for name, share in shares.items()}


def _jackknife(whole: float, replicates: Sequence[float]) -> float | None:
    """The standard error of ``whole`` from values without one group each; None where too few groups could be used."""
    if len(replicates) < GROUPS:
        return None
    return math.sqrt((GROUPS - 1) / GROUPS * sum((value - whole) ** 2 for value in replicates))
