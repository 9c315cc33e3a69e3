"""What the worker process keeps between requests: the pool, the candidate in use, and the model fitted last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np

from tlsearch import backend
from tlsearch.errors import RunError
from tlsearch.features.extractor import Extractor
from tlsearch.features.prefix import Network
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins import registry
from tlsearch.plugins.api import Augmentation, Backbone
from tlsearch.training.trial import Fitted, TrialRunner
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.utils.deadline import check_time
from tlsearch.worker.events import Event, FrozenPasses, WorkProgress

PROGRESS_SECONDS = 0.2
"""WorkProgress is sent no more often than that."""

Emit = Callable[[Event], Decision]
"""Sends an event to the parent and gives its decision."""


class WorkerState:
    """The state of the process. Handlers of requests read and change it.

    Attributes:
        emit: Sends an event to the parent and gives its decision.
        measured: What is known of the candidates.
    """

    def __init__(self, emit: Emit) -> None:
        """Begin without a pool."""
        self.emit = emit
        self.measured: dict[Candidate, MeasuredCandidate] = {}
        self._extractor: Extractor | None = None
        self._runner: TrialRunner | None = None
        self._networks: dict[tuple[Candidate, str], Network] = {}
        self._last_progress = 0.0

    def open(self, extractor: Extractor, runner: TrialRunner, measured: tuple[MeasuredCandidate, ...]) -> None:
        """Take over a pool with its features and its trials, and what is known of the candidates."""
        self._extractor, self._runner = extractor, runner
        self.measured = {m.candidate: m for m in measured}

    @property
    def extractor(self) -> Extractor:
        """The features of the pool. Raises ``RunError`` before a pool was opened."""
        if self._extractor is None:
            raise RunError("The worker has no images yet.")
        return self._extractor

    @property
    def runner(self) -> TrialRunner:
        """What runs trials on the pool. Raises ``RunError`` before a pool was opened."""
        if self._runner is None:
            raise RunError("The worker has no images yet.")
        return self._runner

    def fitted(self, spec: TrialSpec) -> Fitted:
        """Give the model that was fitted last. Raises ``RunError`` where it is not that of ``spec``."""
        fitted = self.runner.fitted
        if fitted is None or fitted.spec != spec:
            raise RunError("The model to be saved is not the one that was fitted last.")
        return fitted

    def network(self, candidate: Candidate) -> Network:
        """Give the loaded candidate; only the one in use is kept, for memory's sake."""
        known = self.measured.get(candidate)
        precision = known.precision if known else backend.FLOAT32
        key = (candidate, precision)
        if key not in self._networks:
            network = Network(backbone_plugin(candidate.backbone), candidate, known.cuts if known else None, precision)
            if known is None:
                size = candidate.image_size
                network.inspect(np.zeros((1, size, size, 3), np.float32))
            self._networks = {key: network}
        return self._networks[key]

    def add_measured(self, measured: MeasuredCandidate, network: Network) -> None:
        """Keep what was measured, and the network that it was measured on."""
        self.measured[measured.candidate] = measured
        self._networks = {(measured.candidate, measured.precision): network}

    def forget_compiled(self) -> None:
        """Drop the compiled models that are kept for further trials."""
        if self._runner is not None:
            with backend.one_model():
                self._runner.models.clear()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Send the parent what was asked of frozen layers in the block, even where it ended in an error."""
        try:
            yield
        finally:
            if counts := self.extractor.passes.take():
                self.emit(FrozenPasses(counts))

    def progress(self, text: str, done: int, total: int) -> None:
        """Send the parent how much is done, not too often, and always that all is.

        Raises ``OutOfTimeError`` where it is not all and the time for it is over.
        """
        if done < total:
            check_time()
        now = time.monotonic()
        if now - self._last_progress > PROGRESS_SECONDS or done == total:
            self._last_progress = now
            self.emit(WorkProgress(text, done, total))


def backbone_plugin(name: str) -> Backbone:
    """Give the backbone of that name; errors in its code say that it is to blame."""
    if name == SmallCNN.name:
        scratch: Backbone = SmallCNN()  # type: ignore[assignment]  # a class variable serves as the attribute
        return scratch
    return cast("Backbone", registry.load_guarded("backbone", name))


def augmentation_plugin(name: str) -> Augmentation:
    """Give the augmentation of that name; errors in its code say that it is to blame."""
    return cast("Augmentation", registry.load_guarded("augmentation", name))
