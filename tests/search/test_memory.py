"""A trial that runs out of memory: once more in smaller batches, and then no more."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from tlsearch.errors import OutOfMemoryError, TrialError
from tlsearch.records import TrialResult, TrialSpec
from tlsearch.search.memory import within_memory
from tlsearch.training.trial import Outcome
from tlsearch.worker_client import WorkerDiedError

TUNED = TrialSpec("vgg16", "imagenet", 128, 13, 10, steps=40, batch_size=32)
SOLVED = TrialSpec("vgg16", "imagenet", 128, 13, 13)


def died(code: int) -> WorkerDiedError:
    error = WorkerDiedError(f"it ended with code {code}")
    error.code = code
    return error


class Runs:
    """Fails with each of ``errors`` in turn, then gives an outcome; keeps what it was asked."""

    def __init__(self, *errors: Exception, reason: str = "") -> None:
        self.errors, self.reason = list(errors), reason
        self.asked: list[tuple[float | None, int | None]] = []

    def __call__(self, seconds: float | None, batch_size: int | None) -> Outcome:
        self.asked.append((seconds, batch_size))
        if self.errors:
            raise self.errors.pop(0)
        result = TrialResult(TUNED, "complete", 0.5, 1.0, reason=self.reason)
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


@pytest.mark.parametrize("error", [OutOfMemoryError("OOM when allocating"), died(-signal.SIGKILL)])
def test_it_runs_once_more_in_half_batches(error: Exception) -> None:
    run, told = Runs(error), list[str]()
    outcome = within_memory(run, TUNED, 60.0, told.append)
    first, second = run.asked
    assert first == (60.0, None)
    assert second[1] == 16
    assert second[0] is not None
    assert 59.0 < second[0] <= 60.0
    assert outcome.result.state == "complete"
    assert outcome.result.reason == "trained in batches of 16 images, for memory ran out with 32"
    assert len(told) == 1
    assert str(error) in told[0]


def test_an_earlier_reason_stays() -> None:
    outcome = within_memory(Runs(OutOfMemoryError("x"), reason="its time ended"), TUNED, None, lambda _: None)
    assert outcome.result.reason.startswith("its time ended; trained in batches of 16")


def test_twice_is_a_failure() -> None:
    run = Runs(OutOfMemoryError("first"), OutOfMemoryError("second"))
    with pytest.raises(OutOfMemoryError, match="second"):
        within_memory(run, TUNED, None, lambda _: None)
    assert run.asked == [(None, None), (None, 16)]


@pytest.mark.parametrize("error", [died(-signal.SIGSEGV), died(1), TrialError("diverged")])
def test_other_failures_are_not_repeated(error: Exception) -> None:
    run = Runs(error)
    with pytest.raises(type(error)):
        within_memory(run, TUNED, None, lambda _: None)
    assert len(run.asked) == 1


def test_a_solved_head_has_no_batches() -> None:
    run = Runs(OutOfMemoryError("x"))
    with pytest.raises(OutOfMemoryError):
        within_memory(run, SOLVED, None, lambda _: None)
    assert len(run.asked) == 1
