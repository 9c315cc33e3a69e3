"""How busy the machine is at this moment, where the rest of a run has to end in time."""

from __future__ import annotations

from typing import Any

from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.shortest_limit import CONTENTION
from tlsearch.utils import machine


def note_contention(context: RunContext, *moment: Any) -> None:
    """Take in how many times longer a thread takes now than in the plan: what comes next is priced by it.

    The pace of earlier work tells it too, but late: after the work that was slow. Nothing is looked at without a limit
    of time; on a cluster, which computes elsewhere; and where several workers compute, which a thread would wait for.

    Args:
        context: The run.
        moment: What is about to begin. A resumed run takes what was seen then.
    """
    alone = len(context.pool.workers) == 1 and not context.pool.repeats  # a run keeps that it had several
    if context.budget.limit is None or context.cluster is not None or not alone:
        return
    now: float = context.checkpoint.get_or_compute((*CONTENTION, *moment), float, machine.contention)
    context.budget.pace.now = max(1.0, now / (context.checkpoint.get(CONTENTION, float) or 1.0))
