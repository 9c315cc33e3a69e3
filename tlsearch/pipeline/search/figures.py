"""Figures of trials: what a trial gained, and which is the best linear probe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tlsearch.pipeline.plan import Plan
from tlsearch.results.schema import TrialRow
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialResult, TrialSpec


def best_probe(finished: Sequence[TrialRecord], plan: Plan) -> TrialRecord | None:
    """The best plain linear probe among the complete trials, of those that may ship where there is one."""
    probes = [f for f in finished if f.state == "complete" and is_probe(f.spec)]
    probes = [f for f in probes if plan.may_ship(f.spec)] or probes
    sign = plan.data.metric.sign
    return max(probes, key=lambda f: f.rank(plan.costs.operations(f.spec), plan.costs.folds, sign), default=None)


def is_probe(spec: TrialSpec) -> bool:
    """Whether it is a plain linear probe: a linear head on a candidate's last features, not augmented, not joined."""
    return spec.is_linear_probe and not spec.skip_cut and not spec.strength


def trial_row(plan: Plan, number: int, result: TrialResult, run_id: str) -> TrialRow:
    """The row of a trial; ``value_on_shared_folds`` is left out where all trials run on the same folds."""
    row, few = TrialRow.of(number, "trial", result, run_id), plan.costs.trained_folds
    if result.value is None or few == len(plan.folds):
        return row
    return replace(row, value_on_shared_folds=_mean(result.value, result.fold_values, few))


def _mean(value: float, fold_values: Sequence[float], folds: int) -> float:
    """The mean over the first ``folds`` folds of a trial."""
    return math.fsum(fold_values[:folds]) / folds if len(fold_values) >= folds > 0 else value


def val_figures(
    result: TrialResult, scratch: TrialResult | None, probe: TrialRecord | None, sign: float = 1.0
) -> dict[str, float]:
    """By how much a trial's validation figure is better than that of the network from scratch and of the best probe.

    ``sign`` is that of the metric. Each is taken on the folds that both have. Where trials differ in their folds,
    ``val_on_shared_folds`` ranks them.
    """
    if result.value is None:
        return {}
    value, folds = result.value, result.fold_values
    gains: dict[str, float] = {}
    if scratch is not None and scratch.value is not None:
        alone = max(1, len(scratch.fold_values))  # the learning rates are trained on the first fold
        gains["val_gain_over_baseline"] = sign * (_mean(value, folds, alone) - scratch.value)
    if probe is not None and probe.value is not None:
        both = min(len(folds), len(probe.fold_values))
        over = _mean(value, folds, both) - _mean(probe.value, probe.fold_values, both)
        gains["val_gain_over_linear_probe"] = sign * over
    return gains
