"""All rules on what is tried again: where memory runs out, a worker dies, or its place is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TypeVar

from tlsearch.errors import OutOfMemoryError
from tlsearch.training.trial import Outcome
from tlsearch.worker.client import KILLED, WorkerDiedError, WorkerLostError
from tlsearch.worker.protocol import RunTrial

T = TypeVar("T")

REPEATS = 2
"""Repetitions of a trial that may have failed for what runs beside it."""


def within_memory(
    run: Callable[[RunTrial], Outcome],
    request: RunTrial,
    before_again: Callable[[str], None],
    *,
    repeats: bool = False,
) -> Outcome:
    """Give the outcome of a trial, which runs again where memory runs out.

    Where the worker shall keep its compiled model beside others, it runs once more without them, so that what was kept
    changes no result. Where it runs out of memory on its own, it runs once more, as many epochs in batches of half the
    size, in the seconds that are left; the reason in the result says so. A linear probe has no batches: it runs once
    more as it is, in whatever way its worker died. It takes a moment, and without any nothing can be compared.

    Where the place of its worker is lost, the trial is repeated as it is, up to ``REPEATS`` times.

    With ``repeats`` the trial is first repeated as it is, up to ``REPEATS`` times, also where its worker has died in
    another way: what comes of it shall not depend on what ran beside it. ``run`` sees to it that nothing runs beside a
    repetition.

    Args:
        run: Runs the trial once.
        request: The trial.
        before_again: Gets a text for people before each repetition.
        repeats: Whether a trial may have failed for what runs beside it.
    """
    started, spec = time.monotonic(), request.spec

    def left() -> float | None:
        return None if request.seconds is None else request.seconds - (time.monotonic() - started)

    def alone(batch_size: int | None = None) -> RunTrial:
        return replace(request, seconds=left(), batch_size=batch_size, keep_compiled=False)

    def run_somewhere(trial: RunTrial) -> Outcome:
        for _ in range(REPEATS):
            try:
                return run(trial)
            except WorkerLostError as error:
                before_again(f"{spec.label} {_what(error)} ({error}); once more, in another place")
                trial = replace(trial, seconds=left())
        return run(trial)

    for attempt in range(REPEATS if repeats else int(request.keep_compiled)):
        try:
            return run_somewhere(replace(request, seconds=left()) if attempt else request)
        except (OutOfMemoryError, WorkerDiedError) as error:
            if not (repeats or _was_memory(error)):
                raise
            how = "alone" if repeats else "with no other model kept in memory"
            before_again(f"{spec.label} {_what(error)} ({error}); once more, {how}")
    try:
        return run_somewhere(alone())
    except (OutOfMemoryError, WorkerDiedError) as error:
        if spec.is_linear_probe and not repeats:
            before_again(f"{spec.label} {_what(error)} ({error}); once more")
            return run_somewhere(alone())
        half = spec.batch_size // 2
        if spec.is_linear_probe or not half or not _was_memory(error):
            raise
        before_again(f"{spec.label} {_what(error)} ({error}); once more, in batches of {half} images")
    outcome = run_somewhere(alone(half))
    result = outcome.result
    why = f"trained in batches of {half} images, for memory ran out with {spec.batch_size}"
    return replace(outcome, result=replace(result, reason=f"{result.reason}; {why}" if result.reason else why))


def within_memory_beside_others(
    run: Callable[[RunTrial, bool], Outcome], request: RunTrial, before_again: Callable[[str], None]
) -> Outcome:
    """Give the outcome of a trial that runs beside others, as ``within_memory`` does with ``repeats``.

    Args:
        run: Runs the trial once: beside others, or alone where the second argument says so, as in every repetition.
        request: The trial.
        before_again: Gets a text for people before each repetition.
    """
    attempts = count()
    return within_memory(lambda trial: run(trial, next(attempts) > 0), request, before_again, repeats=True)


def repeated(do: Callable[[bool], T], *, repeats: bool) -> T:
    """Give what ``do`` gives for any request; it is done anew, up to ``REPEATS`` times, where that may help.

    That is where the place of its worker is lost, and once where its worker was killed. With ``repeats`` it is, too,
    where memory ran out or its worker has died: it may have failed for what runs beside it. ``do`` is told whether it
    is a repetition, which runs alone.
    """
    for attempt in range(REPEATS):
        try:
            return do(attempt > 0)
        except WorkerLostError:
            continue
        except OutOfMemoryError:
            if not repeats:
                raise
        except WorkerDiedError as error:
            if not repeats and (attempt or error.code != KILLED):
                raise
    return do(True)


def where_lost_again(do: Callable[[], T]) -> T:
    """Give what ``do`` gives; it is done anew where the place of its worker is lost, and once where that was killed."""
    return repeated(lambda alone: do(), repeats=False)


def _what(error: OutOfMemoryError | WorkerDiedError) -> str:
    if isinstance(error, OutOfMemoryError):
        return "ran out of memory"
    if not _was_memory(error):
        return "ended with its worker"
    return "was killed, as the system does where memory is short"


def _was_memory(error: OutOfMemoryError | WorkerDiedError) -> bool:
    """Whether memory was refused, or the system killed the process.

    It does that with the largest process when memory is short.
    """
    return isinstance(error, OutOfMemoryError) or error.code == KILLED
