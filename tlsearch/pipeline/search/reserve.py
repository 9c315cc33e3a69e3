"""The time that the search leaves to what comes after it."""

from __future__ import annotations

from tlsearch.data.split import FEWEST_TO_PAIR
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import CONTENDERS, comparison_seconds
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import final_seconds
from tlsearch.pipeline.search.figures import best_probe
from tlsearch.search.study import Search


def reserved_seconds(context: RunContext, plan: Plan, search: Search, baseline: BaselineResult | None) -> float:
    """The seconds that the search leaves to what comes after it: confirmation, and the training of what ships.

    Before a suffix has been tuned there is little to confirm, and nothing is kept for it. Then confirmation gets its
    share of the time where the best trial and the linear probe can be compared within it. Where they cannot, the search
    uses that time: its answers correct the best figure without any training (``stats.selection``), and a fold or two
    would not tell which is better.
    """
    share = context.budget.share("confirm")
    if share is None:
        return 0.0
    alone = sum(b.estimated_seconds for b in scratch_of(baseline))
    final = context.budget.price(final_seconds(plan, search.best(CONTENDERS), alone, refit=context.config.refit))
    top, probe = search.best(1), best_probe(search.finished, plan)
    tuned = any(f.spec.kind == "fine_tuning" and f.state == "complete" for f in search.finished)
    own = plan.data.own_folds
    if not tuned or probe is None or (own is not None and len(own) < FEWEST_TO_PAIR):  # nothing can be confirmed
        return final
    return final + (share if comparison_seconds(plan, context, top[0], probe) <= share else 0.0)
