"""Who did what when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WorkSpan:
    """Something that a worker did, without a break.

    Attributes:
        worker: The number of the worker, from 1. Where the workers are on a cluster, the last one is that on the
            machine of the run, which tests the models.
        node: The machine of a cluster that it was on; empty for the machine of the run.
        kind: What kind of work it was: ``setup``, ``measure``, ``profile``, ``trial``, ``from_scratch``, ``insights``
            or ``model``.
        subject: The trial or the network that it was about; empty without one.
        start: Seconds from the start of this attempt at the run.
        seconds: How long it took.
    """

    worker: int
    node: str
    kind: str
    subject: str
    start: float
    seconds: float
