"""The figure of the selected trial, corrected for its selection, from answers that the search already has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tlsearch.pipeline.plan import Plan
from tlsearch.results.schema import Corrected
from tlsearch.stats.selection import corrected_estimate
from tlsearch.training.trial import Outcome
from tlsearch.types import AnyArray, TrialSpec


def corrected(plan: Plan, outcomes: Mapping[TrialSpec, Outcome], seed: int) -> Corrected | None:
    """Correct the best value of the search; None where there is nothing that was selected from.

    It is taken on the images that all trials were validated on: the validation part, or their common folds.
    """
    data = plan.data
    shared = [row for fold in plan.folds[: plan.costs.trained_folds] for row in fold.val]
    rows = np.asarray(shared, np.intp)
    sign = data.metric.sign
    found: list[tuple[float, AnyArray]] = []
    for outcome in outcomes.values():
        probabilities = outcome.probabilities_of(rows)
        if probabilities is not None and outcome.result.value is not None:
            values = outcome.result.fold_values[: plan.costs.trained_folds] or (outcome.result.value,)
            found.append((sign * float(np.mean(values)), probabilities))
    if len(found) < 2:
        return None
    found.sort(key=lambda pair: -pair[0])  # the order of equals is that of the trials
    labels, groups = np.asarray(data.labels, np.intp)[rows], np.asarray(data.groups, np.int64)[rows]
    best = sign * found[0][0]
    estimate = corrected_estimate(data.metric, labels, [p for _, p in found], groups, seed, best)
    if estimate is None:
        return None
    return Corrected(value=estimate.value, ci95=estimate.ci95, trials=len(found), images=len(rows))
