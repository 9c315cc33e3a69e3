"""A trial from the parent's side: what is asked of the worker, and what is recorded of its epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context
from tlsearch.callbacks import Callback, EpochInfo, TrialInfo
from tlsearch.data.split import Fold
from tlsearch.errors import OutOfMemoryError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.checkpoint import CheckpointCallback
from tlsearch.listeners.running_trial import Epochs, RunningTrial
from tlsearch.pipeline.trial import note_pace, run_trial
from tlsearch.runs.budget import EndPrice
from tlsearch.runs.pace import Estimated
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Decision, Role, State, TrialResult, TrialSpec
from tlsearch.worker.events import EpochEnd, Listener
from tlsearch.worker.protocol import RunTrial

SPEC = TrialSpec(
    backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=10, steps=40, batch_size=32
)


class Worker:
    """Tells a number of epochs in each attempt, and then runs out of memory, except in the last."""

    def __init__(self, *epochs: int) -> None:
        self.epochs = epochs
        self.asked: list[tuple[int | None, bool]] = []
        self.decisions: list[Decision] = []

    def send(self, request: RunTrial, listener: Listener) -> Outcome:
        """The outcome of a trial."""
        self.asked.append((request.batch_size, request.keep_compiled))
        for epoch in range(1, self.epochs[len(self.asked) - 1] + 1):
            numbers = {"epoch": epoch, "val_accuracy": 0.5, "attempt": len(self.asked)}
            self.decisions.append(listener(EpochEnd(numbers)))
            if self.decisions[-1] is Decision.PRUNE:
                return Outcome(
                    TrialResult(
                        spec=SPEC, state="pruned", value=None, seconds=1.0, reason=f"after {epoch} of 4 epochs"
                    ),
                    np.zeros(0, np.int64),
                    np.zeros((0, 2), np.float32),
                )
        if len(self.asked) < len(self.epochs):
            raise OutOfMemoryError("no memory")
        result = TrialResult(spec=SPEC, state="complete", value=0.5, seconds=1.0)
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


class Told(Callback):
    """Keeps the epochs that it is told; prunes from one on."""

    def __init__(self, prune_from: int = 99) -> None:
        self.epochs: list[EpochInfo] = []
        self.prune_from = prune_from

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
        self.epochs.append(epoch)
        return Decision.PRUNE if epoch.number >= self.prune_from else None


def make_trial(role: Role) -> RunningTrial:
    candidate = Candidate(
        backbone="vgg16", weights="imagenet", weights_file=None, weights_id="", image_size=128, depth=13
    )
    return RunningTrial(number=1, role=role, name="name", spec=SPEC, candidate=candidate, folds=(Fold((0,), (1,)),))


def epochs_of(folder: Path, worker: Worker, role: Role) -> list[tuple[int, float]]:
    """Run a trial; gives the epochs that the judge was told, with the number of the attempt."""
    told = Told()
    epochs: list[tuple[int, float]] = []

    def judge(number: int, numbers: Mapping[str, float]) -> Decision:
        epochs.append((number, numbers["attempt"]))
        return Decision.CONTINUE

    run_trial(make_context(folder, worker, heard=told), make_trial(role), judge)
    assert [(epoch.number, epoch.metrics["attempt"]) for epoch in told.epochs] == epochs
    return epochs


@pytest.mark.parametrize(("role", "keep"), [("trial", False), ("confirmation", True)])
def test_a_trial_that_comes_again_keeps_its_model(tmp_path: Path, role: Role, keep: bool) -> None:
    worker = Worker(2)
    assert epochs_of(tmp_path, worker, role) == [(1, 1), (2, 1)]
    assert worker.asked == [(None, keep)]


def test_epochs_of_further_attempts_are_told_from_where_the_longest_one_ended(tmp_path: Path) -> None:
    worker = Worker(3, 1, 5)
    assert epochs_of(tmp_path, worker, "confirmation") == [(1, 1), (2, 1), (3, 1), (4, 3), (5, 3)]
    assert worker.asked == [(None, True), (None, False), (16, False)]


def test_epochs_begin_anew_in_every_fold() -> None:
    epochs = Epochs()
    # Two folds, whose schedule is short.
    told = [epochs.next({"epoch": epoch}) for epoch in (0.4, 0.8, 1.2, 0.4, 0.8, 1.2)]
    assert [epoch.number for epoch in told] == [1, 2, 3, 4, 5, 6]
    assert [epoch.fold for epoch in told] == [1, 1, 1, 2, 2, 2]


def test_a_callback_may_end_a_trial(tmp_path: Path) -> None:
    worker = Worker(4)
    completed = run_trial(make_context(tmp_path, worker, heard=Told(prune_from=2)), make_trial("trial"))
    assert worker.decisions == [Decision.CONTINUE, Decision.PRUNE]
    assert completed.result.reason == "a callback ended it after 2 of 4 epochs"
    assert completed.outcome is not None
    assert completed.outcome.result == completed.result


@pytest.mark.parametrize("also_by_callback", [False, True])
def test_a_trial_that_the_pruner_ends_says_that_it_was_worse_than_others(
    tmp_path: Path, also_by_callback: bool
) -> None:
    def judge(number: int, numbers: Mapping[str, float]) -> Decision:
        return Decision.PRUNE if number == 3 else Decision.CONTINUE

    heard = Told(prune_from=3 if also_by_callback else 99)
    completed = run_trial(make_context(tmp_path, Worker(4), heard=heard), make_trial("trial"), judge)
    assert completed.result.reason == "worse than the median of its kind after 3 of 4 epochs"


@pytest.mark.parametrize("role", ["confirmation", "baseline"])
def test_no_callback_ends_what_the_winner_is_compared_with(tmp_path: Path, role: Role) -> None:
    worker = Worker(4)
    run_trial(make_context(tmp_path, worker, heard=Told(prune_from=2)), make_trial(role))
    assert worker.decisions == [Decision.CONTINUE] * 4


def test_a_trial_that_an_earlier_attempt_completed_is_not_run_again(tmp_path: Path) -> None:
    told: list[int] = []

    def judge(number: int, numbers: Mapping[str, float]) -> Decision:
        told.append(number)
        return Decision.CONTINUE

    first, second = Worker(2), Worker(2)
    context = make_context(tmp_path, first)
    keeping = replace(context, callbacks=CallbackList([CheckpointCallback(context.checkpoint)], []))
    completed = run_trial(keeping, make_trial("trial"), judge)
    again = run_trial(make_context(tmp_path, second), make_trial("trial"), judge)
    assert again.result == completed.result
    assert again.epochs == completed.epochs
    assert (first.asked, second.asked) == ([(None, False)], [])
    assert told == [1, 2, 1, 2]


@pytest.mark.parametrize(("seconds", "decided"), [(10.0, Decision.CONTINUE), (60.0, Decision.TIME_OUT)])
def test_a_trial_ends_where_the_machine_has_become_so_slow_that_the_end_needs_its_time(
    tmp_path: Path, seconds: float, decided: Decision
) -> None:
    """It was given 250 of the 1,000 s; a tenth of it should take 10 s, and the end 100 s, or 300 at most."""
    decisions: list[Decision] = []

    class Training:
        def send(self, request: RunTrial, listener: Listener) -> Outcome:
            context.budget.started -= seconds
            decisions.append(listener(EpochEnd({"epoch": 1.0, "fraction": 0.1})))
            state: State = "complete" if decisions[-1] is Decision.CONTINUE else "timed_out"
            result = TrialResult(spec=SPEC, state=state, value=None, seconds=seconds)
            return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))

    context = make_context(tmp_path, Training(), limit=1000.0)
    context.budget.end = EndPrice(models=90.0, report=10.0)
    trial = replace(make_trial("trial"), seconds=250.0, estimated=Estimated(before=0.0, training=100.0))
    completed = run_trial(context, trial)
    assert decisions == [decided]
    note_pace(context.budget.pace, completed)
    slower = context.budget.pace.factor
    assert slower == pytest.approx(seconds / 10, rel=0.3) if decided is Decision.TIME_OUT else slower == 1.0
