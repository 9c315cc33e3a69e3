"""Trials side by side, with workers that compute nothing: the order in which they are told, failures, interruptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context
from tests.worker.test_side_by_side import Fake
from tlsearch.callbacks import TrialInfo
from tlsearch.data.split import Fold
from tlsearch.errors import OutOfMemoryError
from tlsearch.listeners.callback_list import CallbackList, Recorder
from tlsearch.listeners.checkpoint import CheckpointCallback
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.trials import WantedTrial, run_trials
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.events import EpochEnd, Listener
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunTrial

SPEC = TrialSpec(
    backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=10, steps=40, batch_size=32
)
CANDIDATE = Candidate(backbone="vgg16", weights="imagenet", weights_file=None, weights_id="", image_size=128, depth=13)


class Office:
    """What several fake workers share: who is inside, and what happens in which trial (by its ``repeat``)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside: set[int] = set()
        self.beside: dict[int, list[set[int]]] = {}
        self.batches: dict[int, list[int | None]] = {}
        self.after: dict[int, list[int]] = {}  # trials that must be over before one ends
        self.over = {number: threading.Event() for number in range(9)}
        self.errors: dict[int, list[BaseException]] = {}


class Trainer(Fake):
    """Runs a trial with one epoch."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office

    def send(self, request: Any, listener: Listener | None = None) -> Any:
        assert isinstance(request, RunTrial)
        assert listener is not None
        office, number = self.office, request.spec.repeat
        with office.lock:
            office.inside.add(number)
            office.beside.setdefault(number, []).append(set(office.inside))
            office.batches.setdefault(number, []).append(request.batch_size)
        try:
            listener(EpochEnd({"epoch": 1.0, "fraction": 1.0, "objective": number / 10}))
            for other in office.after.get(number, ()):
                while not office.over[other].wait(0.02):
                    if self.killed.is_set():
                        raise WorkerDiedError("killed")
            if office.errors.get(number):
                raise office.errors[number].pop(0)
        finally:
            with office.lock:
                office.inside.discard(number)
        result = TrialResult(spec=request.spec, state="complete", value=number / 10, seconds=1.0)
        office.over[number].set()
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


class Told(Recorder):
    """Keeps what it is told of trials, and in which thread."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int]] = []
        self.threads: set[int] = set()

    def _note(self, what: str, trial: TrialInfo) -> None:
        self.log.append((what, trial.number))
        self.threads.add(threading.get_ident())

    def on_trial_begin(self, trial: TrialInfo) -> None:
        self._note("begin", trial)

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        self._note("end", trial)

    def on_trial_interrupted(self, trial: RunningTrial) -> None:
        self._note("interrupted", trial)


def trial(number: int) -> RunningTrial:
    spec = TrialSpec(**{**SPEC.to_dict(), "repeat": number})
    return RunningTrial(
        number=number, role="trial", name="name", spec=spec, candidate=CANDIDATE, folds=(Fold((0,), (1,)),)
    )


def context_of(folder: Path, office: Office, workers: int, *recorders: Recorder) -> RunContext:
    context = replace(make_context(folder, Trainer(office)), callbacks=CallbackList(recorders, []))
    context.pool._make = lambda: Trainer(office)
    context.pool.settle(workers, 1, repeats=True)
    return context


def wanted(*numbers: int, **more: Any) -> list[WantedTrial]:
    def one(number: int) -> WantedTrial:
        return WantedTrial(prepare=lambda: trial(number), **more)

    return [one(number) for number in numbers]


def values(results: Iterator[Any]) -> list[float | None]:
    return [completed.result.value for _, completed in results]


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_trials_are_told_in_their_order_whoever_is_over_first(workers: int, office: Office, tmp_path: Path) -> None:
    if workers > 1:
        office.after = {1: [2]}  # the second is over before the first
    told = Told()
    context = context_of(tmp_path, office, workers, told)
    assert values(run_trials(context, wanted(1, 2, 3, 4))) == [0.1, 0.2, 0.3, 0.4]
    assert [number for what, number in told.log if what == "end"] == [1, 2, 3, 4]
    assert told.threads == {threading.get_ident()}


def test_models_are_saved_while_their_worker_has_them(office: Office, tmp_path: Path) -> None:
    office.after = {1: [2]}
    fitted: list[tuple[int, Worker]] = []
    context = context_of(tmp_path, office, 2)

    def save(result: TrialResult, worker: Worker) -> None:
        fitted.append((result.spec.repeat, worker))

    list(run_trials(context, wanted(1, 2, fitted=save)))
    assert [number for number, _ in fitted] == [2, 1]  # at once, not when its turn to be told comes
    assert {id(worker) for _, worker in fitted} == {id(worker) for worker in context.pool.workers}


def test_the_costliest_begins_first(office: Office, tmp_path: Path) -> None:
    told = Told()
    costs = {1: 1.0, 2: 9.0, 3: 5.0, 4: 7.0}
    items = [WantedTrial(prepare=lambda n=n: trial(n), cost=cost) for n, cost in costs.items()]  # type: ignore[misc]
    assert values(run_trials(context_of(tmp_path, office, 2, told), items)) == [0.1, 0.2, 0.3, 0.4]
    assert [number for what, number in told.log if what == "begin"] == [2, 4, 3, 1]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("error", [WorkerDiedError("gone"), OutOfMemoryError("no room")], ids=["died", "memory"])
def test_what_fails_beside_others_is_repeated_alone_as_it_was(
    workers: int, error: BaseException, office: Office, tmp_path: Path
) -> None:
    office.errors = {2: [error]}
    assert values(run_trials(context_of(tmp_path, office, workers), wanted(1, 2, 3))) == [0.1, 0.2, 0.3]
    assert office.batches == {1: [None], 2: [None, None], 3: [None]}
    assert office.beside[2][1] == {2}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_fails_alone_too_fails_or_takes_smaller_batches(workers: int, office: Office, tmp_path: Path) -> None:
    office.errors = {
        1: [WorkerDiedError(text) for text in "abc"],
        2: [OutOfMemoryError(text) for text in "abc"],
    }
    context = context_of(tmp_path, office, workers)
    states = [completed.result.state for _, completed in filter(None, run_trials(context, wanted(1, 2)))]
    assert states == ["failed", "complete"]
    assert office.batches == {1: [None] * 3, 2: [None, None, None, 16]}


def test_a_trial_that_is_not_run_after_all_is_none(office: Office, tmp_path: Path) -> None:
    items = [*wanted(1), WantedTrial(prepare=lambda: None), *wanted(3)]
    found = list(run_trials(context_of(tmp_path, office, 2), items))
    assert [None if item is None else item[0].number for item in found] == [1, None, 3]


def test_trials_of_an_earlier_attempt_are_not_run_again(office: Office, tmp_path: Path) -> None:
    first = context_of(tmp_path, office, 2)
    first.callbacks.add_recorder(CheckpointCallback(first.checkpoint))
    assert values(run_trials(first, wanted(1, 2))) == [0.1, 0.2]
    epochs: list[int] = []

    def judge(number: int, numbers: Any) -> Any:
        epochs.append(number)

    again = context_of(tmp_path, Office(), 3)
    assert values(run_trials(again, wanted(1, 2, judge=judge))) == [0.1, 0.2]
    assert epochs == [1, 1]
    assert list(office.beside) == [1, 2] or list(office.beside) == [2, 1]


def test_an_interruption_ends_what_runs_and_says_so(office: Office, tmp_path: Path) -> None:
    told = Told()
    office.after = {1: [8], 2: [8]}  # never

    def interrupt(number: int, numbers: Any) -> Any:
        raise KeyboardInterrupt

    items = [*wanted(1), *wanted(2, judge=interrupt)]
    context = context_of(tmp_path, office, 2, told)
    with pytest.raises(KeyboardInterrupt):
        list(run_trials(context, items))
    assert [entry for entry in told.log if entry[0] != "begin"] == [("interrupted", 1), ("interrupted", 2)]
    assert all(worker.killed.is_set() for worker in context.pool.workers)  # type: ignore[attr-defined]


def test_whoever_stops_taking_results_ends_what_runs(office: Office, tmp_path: Path) -> None:
    told = Told()
    office.after = {2: [8]}
    results = run_trials(context_of(tmp_path, office, 2, told), wanted(1, 2))
    next(results)
    results.close()
    assert told.log[-1] == ("interrupted", 2)


HEAD = TrialSpec(backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13)


def test_a_trial_goes_to_a_worker_of_its_kind_whoever_is_idle(office: Office, tmp_path: Path) -> None:
    office.after = {1: [2, 3]}  # the only worker with a GPU is busy until all that is solved before the last is over
    where: dict[int, Worker] = {}
    context = context_of(tmp_path, office, 3)
    context.pool.settle(3, 1, repeats=True, solvers=2)

    def item(number: int, *, solved: bool) -> WantedTrial:
        spec = replace(HEAD if solved else SPEC, repeat=number)

        def fitted(result: TrialResult, worker: Worker) -> None:
            where[result.spec.repeat] = worker

        return WantedTrial(prepare=lambda: replace(trial(number), spec=spec), fitted=fitted, solved=solved)

    kinds = {1: False, 2: True, 3: True, 4: False, 5: True}
    given = values(run_trials(context, [item(number, solved=solved) for number, solved in kinds.items()]))
    assert given == [0.1, 0.2, 0.3, 0.4, 0.5]
    gpu, *solvers = context.pool.workers
    assert all((where[number] is gpu) != solved for number, solved in kinds.items())
    assert all(where[number] in solvers for number, solved in kinds.items() if solved)
    where.clear()
    assert values(run_trials(context, [item(6, solved=True)])) == [0.6]  # one alone
    assert where[6] is solvers[0]
    office.errors = {7: [WorkerDiedError("gone")]}
    assert values(run_trials(context, [item(7, solved=True), item(8, solved=False)])) == [0.7, 0.8]
    assert where[7] in solvers
