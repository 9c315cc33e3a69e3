"""A trial that runs out of memory: once more in smaller batches, and then no more."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from tlsearch.data.split import Fold
from tlsearch.errors import OutOfMemoryError, TrialError
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec
from tlsearch.worker.client import KILLED, WorkerDiedError, WorkerLostError
from tlsearch.worker.protocol import RunTrial
from tlsearch.worker.retry import where_lost_again, within_memory

TUNED = TrialSpec(
    backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=10, steps=40, batch_size=32
)
SOLVED = TrialSpec(backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13)


def died(code: int) -> WorkerDiedError:
    error = WorkerDiedError(f"it ended with code {code}")
    error.code = code
    return error


def trial(spec: TrialSpec = TUNED, seconds: float | None = None, keep: bool = False) -> RunTrial:
    """The request to run a trial."""
    candidate = Candidate(
        backbone="vgg16", weights="imagenet", weights_file=None, weights_id="", image_size=128, depth=13
    )
    return RunTrial(candidate=candidate, spec=spec, folds=(Fold((0,), (1,)),), seconds=seconds, keep_compiled=keep)


class Runs:
    """Fails with each of ``errors`` in turn, then gives an outcome; keeps what it was asked."""

    def __init__(self, *errors: Exception, reason: str = "") -> None:
        self.errors, self.reason = list(errors), reason
        self.asked: list[tuple[float | None, int | None, bool]] = []

    def __call__(self, request: RunTrial) -> Outcome:
        self.asked.append((request.seconds, request.batch_size, request.keep_compiled))
        if self.errors:
            raise self.errors.pop(0)
        result = TrialResult(spec=TUNED, state="complete", value=0.5, seconds=1.0, reason=self.reason)
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


@pytest.mark.parametrize("error", [OutOfMemoryError("OOM when allocating"), died(-signal.SIGKILL)])
def test_it_runs_once_more_in_half_batches(error: Exception) -> None:
    run, told = Runs(error), list[str]()
    outcome = within_memory(run, trial(seconds=60.0), told.append)
    first, second = run.asked
    assert first[0] == pytest.approx(60.0, abs=0.1)
    assert first[1] is None
    assert second[1] == 16
    assert second[0] is not None
    assert 59.0 < second[0] <= 60.0
    assert outcome.result.state == "complete"
    assert outcome.result.reason == "trained in batches of 16 images, for memory ran out with 32"
    assert len(told) == 1
    assert str(error) in told[0]


@pytest.mark.parametrize("spec", [TUNED, SOLVED])
def test_beside_models_that_are_kept_it_first_runs_once_more_without_them(spec: TrialSpec) -> None:
    run, told = Runs(died(-signal.SIGKILL)), list[str]()
    outcome = within_memory(run, trial(spec, keep=True), told.append)
    assert run.asked == [(None, None, True), (None, None, False)]
    assert outcome.result.reason == ""
    assert "was killed, as the system does where memory is short" in told[0]
    assert "with no other model kept" in told[0]
    again = Runs(OutOfMemoryError("x"), OutOfMemoryError("x"))
    within_memory(again, trial(keep=True), told.append)
    assert again.asked == [(None, None, True), (None, None, False), (None, 16, False)]


def test_without_trouble_it_is_kept() -> None:
    run = Runs()
    within_memory(run, trial(keep=True), lambda _: None)
    assert run.asked == [(None, None, True)]


def test_an_earlier_reason_stays() -> None:
    outcome = within_memory(Runs(OutOfMemoryError("x"), reason="its time ended"), trial(), lambda _: None)
    assert outcome.result.reason.startswith("its time ended; trained in batches of 16")


def test_twice_is_a_failure() -> None:
    run = Runs(OutOfMemoryError("first"), OutOfMemoryError("second"))
    with pytest.raises(OutOfMemoryError, match="second"):
        within_memory(run, trial(), lambda _: None)
    assert run.asked == [(None, None, False), (None, 16, False)]


@pytest.mark.parametrize("error", [died(-signal.SIGSEGV), died(1), TrialError("diverged")])
def test_other_failures_are_not_repeated(error: Exception) -> None:
    for keep in (False, True):
        run = Runs(error)
        with pytest.raises(type(error)):
            within_memory(run, trial(keep=keep), lambda _: None)
        assert len(run.asked) == 1


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("spec", [TUNED, SOLVED])
def test_a_trial_whose_worker_lost_its_place_runs_as_it_was(spec: TrialSpec, repeats: bool) -> None:
    run, told = Runs(WorkerLostError("node1 was lost"), WorkerLostError("node2 was lost")), list[str]()
    outcome = within_memory(run, trial(spec, seconds=60.0), told.append, repeats=repeats)
    assert [asked[1:] for asked in run.asked] == [(None, False)] * 3
    assert all(59.0 < (asked[0] or 0.0) <= 60.0 for asked in run.asked)
    assert (outcome.result.state, outcome.result.reason) == ("complete", "")
    assert "ended with its worker (node1 was lost); once more, in another place" in told[0]
    assert len(told) == 2


def test_places_are_not_lost_for_ever() -> None:
    run = Runs(*[WorkerLostError(f"node{number} was lost") for number in range(4)])
    with pytest.raises(WorkerLostError, match="node2 was lost"):
        within_memory(run, trial(), lambda _: None)
    lost = iter([True, True, False])

    def do() -> str:
        if next(lost):
            raise WorkerLostError("lost")
        return "done"

    assert where_lost_again(do) == "done"
    with pytest.raises(WorkerDiedError):
        where_lost_again(lambda: Runs(died(1))(trial()))


@pytest.mark.parametrize("error", [OutOfMemoryError("x"), died(-signal.SIGKILL), died(-signal.SIGSEGV)])
def test_a_solved_head_has_no_batches_and_runs_once_more_as_it_is(error: Exception) -> None:
    """Of one network there may be no other linear probe, and a run without any has nothing to compare with."""
    run, told = Runs(error), list[str]()
    outcome = within_memory(run, trial(SOLVED), told.append)
    assert run.asked == [(None, None, False)] * 2
    assert (outcome.result.state, outcome.result.reason, len(told)) == ("complete", "", 1)
    with pytest.raises(type(error)):
        within_memory(Runs(error, error), trial(SOLVED), told.append)


@pytest.mark.parametrize(("code", "calls"), [(KILLED, 2), (-6, 1)])
def test_what_was_killed_is_done_once_more_and_what_crashed_is_not(code: int, calls: int) -> None:
    done = []

    def do() -> None:
        done.append(code)
        raise died(code)

    with pytest.raises(WorkerDiedError):
        where_lost_again(do)
    assert len(done) == calls
