"""A trial from the parent's side: what is asked of the worker, and what is recorded of its rounds."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tlsearch.pipeline.trial as module
from tlsearch.data.split import Fold
from tlsearch.errors import OutOfMemoryError
from tlsearch.pipeline.trial import Curves, execute
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Role, TrialResult, TrialSpec

SPEC = TrialSpec("vgg16", "imagenet", 128, 13, 10, steps=40, batch_size=32)


class Worker:
    """Tells a number of rounds in each attempt, and then runs out of memory, except in the last."""

    def __init__(self, *rounds: int) -> None:
        self.rounds = rounds
        self.asked: list[tuple[int | None, bool]] = []

    def trial(self, name: str, heard: Any, batch_size: int | None, keep: bool, **_: object) -> Any:
        """The outcome of a trial."""
        self.asked.append((batch_size, keep))
        for epoch in range(1, self.rounds[len(self.asked) - 1] + 1):
            heard(("epoch", {"epoch": epoch, "val_accuracy": 0.5, "attempt": len(self.asked)}))
        if len(self.asked) < len(self.rounds):
            raise OutOfMemoryError("no memory")
        result = TrialResult(SPEC, "complete", 0.5, 1.0)
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


def tried(monkeypatch: pytest.MonkeyPatch, worker: Worker, role: Role) -> list[tuple[int, float]]:
    """Execute a trial; gives the rounds that ``on_round`` heard, with the number of the attempt."""
    for name in ("recall", "start_run", "finish_run"):
        monkeypatch.setattr(module, name, lambda *_: None)
    context: Any = SimpleNamespace(
        worker=worker,
        data=SimpleNamespace(metric="accuracy"),
        tracker=SimpleNamespace(log_epoch=lambda *_: None),
        checkpoint=SimpleNamespace(keep=lambda *_: None),
        reporter=SimpleNamespace(warn=lambda _: None),
        progress=lambda _: lambda event: None,
    )
    heard: list[tuple[int, float]] = []

    def on_round(number: int, numbers: Mapping[str, float]) -> str:
        heard.append((number, numbers["attempt"]))
        return "continue"

    candidate = Candidate("vgg16", "imagenet", None, "", 128, 13)
    execute(context, SPEC, candidate, [Fold((0,), (1,))], role, "name", on_round, None, "search")
    return heard


@pytest.mark.parametrize(("role", "keep"), [("trial", False), ("confirmation", True)])
def test_a_trial_that_comes_again_keeps_its_model(monkeypatch: pytest.MonkeyPatch, role: Role, keep: bool) -> None:
    worker = Worker(2)
    assert tried(monkeypatch, worker, role) == [(1, 1), (2, 1)]
    assert worker.asked == [(None, keep)]


def test_rounds_of_further_attempts_are_told_where_the_longest_one_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(3, 1, 5)
    assert tried(monkeypatch, worker, "confirmation") == [(1, 1), (2, 1), (3, 1), (4, 3), (5, 3)]
    assert worker.asked == [(None, True), (None, False), (16, False)]


def test_rounds_are_steps_that_begin_anew_in_every_fold() -> None:
    sent: list[tuple[int, str]] = []

    def log_epoch(run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        sent.append((step, next(iter(metrics)).split("/")[0]))

    context: Any = SimpleNamespace(
        data=SimpleNamespace(metric="accuracy"), tracker=SimpleNamespace(log_epoch=log_epoch)
    )
    curves = Curves(context, "run")
    for epoch in (0.4, 0.8, 1.2, 0.4, 0.8, 1.2):  # two folds, in rounds of less than an epoch
        curves.add({"epoch": epoch, "val_accuracy": 0.5})
    assert [step for step, _ in sent] == [1, 2, 3, 1, 2, 3]
    assert len({name for _, name in sent[:3]}) == len({name for _, name in sent[3:]}) == 1
    assert sent[0][1] != sent[3][1]
