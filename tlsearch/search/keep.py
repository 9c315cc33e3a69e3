"""Keeping models: those of the best trials so far while the search goes on, so that what ships is what was scored.

Where trials are compared on folds, none of their models has seen all images, and the configuration is trained once more
on the whole pool instead.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from tlsearch.search.baseline import BaselineResult
from tlsearch.search.models import keep_fitted, model_folder
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.study import Finished, Search

KEPT = 3


def keep_best(session: Session, plan: Plan, search: Search, latest: Finished) -> None:
    """Save the model of the latest trial where it is among the best three, and drop those that no longer are.

    Solved heads are not saved here: they come out the same when they are solved again.
    """
    if session.data.uses_folds:
        return
    best = {f.spec for f in search.best(KEPT)}
    if latest.spec in best and not latest.spec.solved:
        keep_fitted(session, latest.spec, plan.space.of(latest.spec))
    for finished in search.finished:
        if finished.spec not in best:
            shutil.rmtree(model_folder(session, finished.spec), ignore_errors=True)


def final_seconds(
    session: Session, plan: Plan, contenders: Sequence[Finished], scratch: Sequence[BaselineResult]
) -> float:
    """Seconds that must be kept for training what ships: the longest of ``contenders`` where it is refitted, and with
    folds, which leave no model of the whole pool, the networks from scratch too."""
    longest = max((plan.costs.fold_seconds(c.spec) for c in contenders), default=0.0)
    folds = session.data.uses_folds
    seconds = longest if folds else 0.0
    if session.config.refit and not folds:
        seconds += longest
    return seconds + (sum(b.result.seconds for b in scratch) if folds else 0.0)
