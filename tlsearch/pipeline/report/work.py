"""Who did what when: the record of what every worker has done."""

from __future__ import annotations

from tlsearch.results.schema import WorkSpan
from tlsearch.worker.pool import WorkerPool


def work_spans(pool: WorkerPool) -> tuple[WorkSpan, ...]:
    """Give what each worker of this attempt at the run has done, by worker and in order."""
    return tuple(
        WorkSpan(
            worker=number,
            node=spent.node,
            kind=spent.doing.kind,
            subject=spent.doing.subject,
            start=round(spent.doing.since - pool.began, 3),
            seconds=round(spent.seconds, 3),
        )
        for number, worker in enumerate(pool.everybody, 1)
        for spent in worker.spent()
    )
