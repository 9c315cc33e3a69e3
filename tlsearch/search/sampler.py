"""A TPE sampler that knows what trials cost.

Optuna has no front door for weighing proposals, so this file overrides one private method of ``TPESampler``. It is the
only place in tlsearch that leans on private names of Optuna, and was tested with Optuna 5.0; a test
(tests/search/test_sampler.py) fails where a new Optuna renames the method, gives it other parameters, or no longer
calls it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from tlsearch.types import Float64Array

COST_WEIGHT = 0.5
"""Exponent of the cost against which promise is weighed: 0 ignores it, 1 is promise per operation, which in a space
where trials differ by a factor of a hundred would never leave the cheapest corner."""

PROPOSALS = 32

CostOf = Callable[[dict[str, Any]], float]


class CostAwareTPESampler(TPESampler):
    """Draws several proposals and keeps the one that promises most for its cost.

    The promise is TPE's own: the logarithm of the density of good trials over that of the others at the proposal
    (Bergstra et al. 2011). The warm start takes the place of a random start.
    """

    def __init__(self, cost_of: CostOf, seed: int, distributions: Mapping[str, BaseDistribution]) -> None:
        """Make the sampler of one trial.

        Args:
            cost_of: Gives the operations of a set of parameters, infinite for what may not be tried; it must be
                deterministic.
            seed: Decides which proposals are drawn.
            distributions: Optuna's distributions by parameter name; every trial of the study has all of them.
        """
        super().__init__(seed=seed, n_startup_trials=2, n_ei_candidates=PROPOSALS, multivariate=True)
        self._cost_of, self._distributions = cost_of, distributions
        self._space: dict[str, BaseDistribution] = {}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give all parameters, in the order in which Optuna would: each trial has them.

        Optuna would compare the distributions of all trials, at every proposal anew.
        """
        return {name: each for name, each in sorted(self._distributions.items()) if not each.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for all parameters together."""
        self._space = search_space
        return super().sample_relative(study, trial, search_space)

    def _compute_acquisition_func(
        self, samples: dict[str, Float64Array], mpe_below: Any, mpe_above: Any
    ) -> Float64Array:
        """The promise of each proposal, less its weighted cost; the proposal with the largest is kept."""
        promise: Float64Array = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        costs = [self._cost(samples, i) for i in range(len(promise))]
        if all(math.isinf(cost) for cost in costs):
            return promise
        weighed: Float64Array = promise - COST_WEIGHT * np.log(np.asarray(costs))
        return weighed

    def _cost(self, samples: Mapping[str, Float64Array], number: int) -> float:
        params = {
            name: self._space[name].to_external_repr(float(values[number]))
            for name, values in samples.items()
            if name in self._space
        }
        return self._cost_of(params)
