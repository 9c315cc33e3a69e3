"""Keeping models: those of the best trials so far while the search goes on, so that what ships is what was scored.

Where trials are compared on folds, none of their models has seen all images, and the configuration is trained once more
on the whole pool instead.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.models import keep_fitted, model_folder
from tlsearch.pipeline.plan import Plan
from tlsearch.search.study import Search, TrialRecord

KEPT = 3


def keep_best(context: RunContext, plan: Plan, search: Search, latest: TrialRecord) -> None:
    """Save the model of the latest trial where it is among the best three, and drop those that no longer are.

    Linear probes are not saved here: they come out the same when they are solved again.
    """
    if context.data.uses_folds:
        return
    best = {f.spec for f in search.best(KEPT)}
    if latest.spec in best and not latest.spec.is_linear_probe:
        keep_fitted(context, latest.spec, plan.space.of(latest.spec))
    for finished in search.finished:
        if finished.spec not in best:
            shutil.rmtree(model_folder(context, finished.spec), ignore_errors=True)


def final_seconds(
    context: RunContext, plan: Plan, contenders: Sequence[TrialRecord], scratch: Sequence[BaselineResult]
) -> float:
    """Seconds that must be kept for training what ships: the longest of ``contenders`` where it is refitted, and with
    folds, which leave no model of the whole pool, the networks from scratch too."""
    longest = max((plan.costs.fold_seconds(c.spec) for c in contenders), default=0.0)
    folds = context.data.uses_folds
    seconds = longest if folds else 0.0
    if context.config.refit and not folds:
        seconds += longest
    return seconds + (sum(b.result.seconds for b in scratch) if folds else 0.0)
