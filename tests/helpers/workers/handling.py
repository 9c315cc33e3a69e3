"""A worker in this process that handles requests and collects their events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tests.helpers.networks.tiny import make_fold, make_pool
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.worker.dispatch import handle
from tlsearch.worker.events import Event
from tlsearch.worker.protocol import CountComputedImages, OpenPool, Request, RunTrial
from tlsearch.worker.state import WorkerState

T = TypeVar("T")

SIZE = 32
POOL = make_pool(60, SIZE)
FOLD = make_fold(60)


class Worker:
    """Handles requests in this process, and collects their events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = WorkerState(self.emit)

    def emit(self, event: Event) -> Decision:
        self.events.append(event)
        return Decision.CONTINUE

    def send(self, request: Request[T]) -> T:
        """The reply to a request."""
        return handle(self.state, request)

    def trial(self, candidate: Candidate, spec: TrialSpec, *, keep: bool = False) -> Outcome:
        """The outcome of a trial on the fold."""
        return self.send(RunTrial(candidate=candidate, spec=spec, folds=(FOLD,), keep_compiled=keep))

    def images_computed(self) -> int:
        """How many images have gone through a network."""
        return self.send(CountComputedImages())


def opened(folder: Path, *measured: MeasuredCandidate) -> Worker:
    """A worker with the pool of pictures."""
    file = folder / "pixels.npy"
    if not file.exists():
        np.save(file, POOL.pixels[SIZE])
    worker = Worker()
    worker.send(
        OpenPool(
            pixels={SIZE: file},
            labels=tuple(POOL.labels.tolist()),
            groups=tuple(POOL.groups.tolist()),
            classes=POOL.classes,
            digest=POOL.digest,
            cache_dir=folder / "cache",
            cache_limit=10**9,
            metric="accuracy",
            measured=measured,
        )
    )
    return worker


def solved(**changes: Any) -> TrialSpec:
    """The linear probe on the tiny network."""
    return replace(
        TrialSpec(backbone="tiny", weights="random", image_size=SIZE, depth=4, freeze_depth=4),
        **changes,
    )
