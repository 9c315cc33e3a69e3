"""A TPE sampler that knows what trials cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from optuna.samplers import TPESampler

COST_WEIGHT = 0.5
"""Exponent of the cost against which promise is weighed: 0 ignores it, 1 is promise per operation, which in a space
where trials differ by a factor of a hundred would never leave the cheapest corner."""

PROPOSALS = 32

CostOf = Callable[[dict[str, Any]], float]


class CostAwareTPESampler(TPESampler):
    """Draws several proposals and keeps the one that promises most for its cost.

    The promise is TPE's own: the logarithm of the density of good trials over that of the others at the proposal
    (Bergstra et al. 2011). ``cost_of`` gives the operations of a set of parameters, infinite for what may not be
    tried; it must be deterministic. The warm start takes the place of a random start.
    """

    def __init__(self, cost_of: CostOf, seed: int) -> None:
        super().__init__(seed=seed, n_startup_trials=2, n_ei_candidates=PROPOSALS, multivariate=True)
        self._cost_of = cost_of
        self._space: dict[str, Any] = {}

    def _sample(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        self._space = search_space
        return super()._sample(study, trial, search_space)

    def _compute_acquisition_func(self, samples: dict[str, Any], mpe_below: Any, mpe_above: Any) -> Any:
        promise = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        costs = [self._cost(samples, i) for i in range(len(promise))]
        if all(math.isinf(cost) for cost in costs):
            return promise
        return promise - COST_WEIGHT * np.log(np.asarray(costs))

    def _cost(self, samples: dict[str, Any], number: int) -> float:
        params = {
            name: self._space[name].to_external_repr(float(values[number]))
            for name, values in samples.items()
            if name in self._space
        }
        return self._cost_of(params)
