"""The time that the search leaves to what comes after it."""

from __future__ import annotations

from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import CONTENDERS, fold_seconds
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import final_seconds
from tlsearch.pipeline.search.figures import best_probe
from tlsearch.search.study import Search

MOST_CONFIRMING = 1 / 3
"""Share of the time limit that one fold of confirmation may take; where the best trial needs more, it is not
confirmed, and the search uses the time."""


def reserved_seconds(context: RunContext, plan: Plan, search: Search, baseline: BaselineResult | None) -> float:
    """The seconds that the search leaves to what comes after it: confirmation, and the training of what ships.

    Before a suffix has been tuned there is little to confirm, and nothing is kept for it. Then confirmation gets its
    share of the time, or what one fold of the best trial so far takes if that is more. Where even that is more than a
    third of the limit, the networks from scratch are not confirmed beside it; where it still is, there will be no
    confirmation.
    """
    share = context.budget.share("confirm")
    if share is None:
        return 0.0
    scratch = scratch_of(baseline)
    alone = sum(b.result.seconds for b in scratch)
    final = final_seconds(plan, search.best(CONTENDERS), alone, refit=context.config.refit)
    top, probe = search.best(1), best_probe(search.finished, plan)
    tuned = any(f.spec.kind == "fine_tuning" and f.state == "complete" for f in search.finished)
    if not tuned or probe is None:
        return final
    for beside in (scratch, ()):
        needed = fold_seconds(plan, context, top[0], probe, beside)
        if needed <= context.budget.most(MOST_CONFIRMING):
            return final + max(share, needed)
    return final
