"""A trial that runs out of memory: once more, in batches of half the size."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tlsearch.errors import OutOfMemoryError
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialSpec
from tlsearch.worker.client import WorkerDiedError


class RunOnce(Protocol):
    """Runs a trial for its seconds, in batches of this size, and keeps its compiled model or not."""

    def __call__(self, seconds: float | None, batch_size: int | None, *, keep: bool) -> Outcome:
        """Run it once."""


def within_memory(
    run: RunOnce, spec: TrialSpec, seconds: float | None, before_again: Callable[[str], None], *, keep: bool
) -> Outcome:
    """What ``run`` gives for the seconds of a trial and its batch size, None for that of ``spec``.

    With ``keep`` the worker keeps the trial's compiled model beside others. Where memory runs out so, it runs once more
    without them, so that what was kept changes no result.

    Where it runs out of memory on its own, it runs once more, as many epochs in batches of half the size, in the
    seconds that are left; the reason in the result says so. A head that is solved has no batches. ``before_again`` is
    told each time.
    """
    started = time.monotonic()

    def left() -> float | None:
        return None if seconds is None else seconds - (time.monotonic() - started)

    if keep:
        try:
            return run(seconds, None, keep=True)
        except (OutOfMemoryError, WorkerDiedError) as error:
            if not _was_memory(error):
                raise
            before_again(f"{spec.label} {_what(error)} ({error}); once more, with no other model kept in memory")
    try:
        return run(left(), None, keep=False)
    except (OutOfMemoryError, WorkerDiedError) as error:
        half = spec.batch_size // 2
        if spec.is_linear_probe or not half or not _was_memory(error):
            raise
        before_again(f"{spec.label} {_what(error)} ({error}); once more, in batches of {half} images")
    outcome = run(left(), half, keep=False)
    result = outcome.result
    why = f"trained in batches of {half} images, for memory ran out with {spec.batch_size}"
    return replace(outcome, result=replace(result, reason=f"{result.reason}; {why}" if result.reason else why))


def _what(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "ran out of memory"
    return "was killed, as the system does where memory is short"


def _was_memory(error: OutOfMemoryError | WorkerDiedError) -> bool:
    """Whether memory was refused, or the system killed the process.

    It does that with the largest process when memory is short.
    """
    return isinstance(error, OutOfMemoryError) or error.code == -signal.SIGKILL
