"""Run several trials, side by side where there are several workers; they are given in the order that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.in_order import InOrder
from tlsearch.pipeline.trial import (
    OnFitted,
    TrialListener,
    begin_trial,
    completed_trial,
    go_on,
    no_model_wanted,
    recall,
    request_of,
    run_trial,
)
from tlsearch.training.trial import Outcome
from tlsearch.types import NumberedEpochJudge
from tlsearch.worker.pool import Worker
from tlsearch.worker.retry import within_memory_beside_others
from tlsearch.worker.side_by_side import Desk, SideBySide
from tlsearch.worker.solved import is_solved


@dataclass(frozen=True, kw_only=True)
class WantedTrial:
    """A trial of several.

    Attributes:
        prepare: Gives the trial when it is about to begin; None where it is not run after all.
        judge: Decides after each epoch whether it goes on.
        fitted: Is called where a worker has fitted its model, before the worker fits another.
        cost: Costlier ones begin first where several run side by side, so that none is left over at the end. It must
            not depend on a clock.
        solved: Whether it is only solved (see ``tlsearch.worker.solved``): it need not wait for a worker with a GPU.
    """

    prepare: Callable[[], RunningTrial | None]
    judge: NumberedEpochJudge = go_on
    fitted: OnFitted = no_model_wanted
    cost: float = 0.0
    solved: bool = False


def run_trials(
    context: RunContext, wanted: Sequence[WantedTrial]
) -> Generator[tuple[RunningTrial, CompletedTrial] | None, None, None]:
    """Run trials and tell the callbacks, each as ``run_trial`` does.

    Gives:
        Each trial and what came of it, in the order of ``wanted``, as soon as all before it were given. The callbacks
        are told of its end just before. With one worker a trial begins when the one before it was taken.
    """
    if len(context.pool.workers) > 1 and len(wanted) > 1:
        with SideBySide[Outcome](context.pool) as side:
            yield from _Batch(context, wanted, side).results()
        return
    for item in wanted:
        trial = item.prepare()
        yield None if trial is None else (trial, run_trial(context, trial, item.judge, item.fitted))


class _Batch(InOrder[Outcome, tuple[RunningTrial, CompletedTrial] | None]):
    """Trials that run side by side.

    They are no jobs of ``tlsearch.pipeline.jobs``: the callbacks are told of the end of a trial in the order of the
    trials, and an error that is no trial's own ends the run at once.
    """

    def __init__(self, context: RunContext, wanted: Sequence[WantedTrial], side: SideBySide[Outcome]) -> None:
        super().__init__(side, sorted(range(len(wanted)), key=lambda place: -wanted[place].cost))
        self._context, self._wanted = context, wanted
        self._listeners: dict[int, TrialListener] = {}  # of trials that have begun and were not given
        self._known: dict[int, tuple[RunningTrial, CompletedTrial] | None] = {}
        self._outcomes: dict[int, Future[Outcome]] = {}

    def begin(self, place: int) -> None:
        item = self._wanted[place]
        trial = item.prepare()
        if trial is None:
            self._known[place] = None
            return
        kept = recall(self._context, trial, item.judge)
        if kept is not None:
            self._known[place] = (trial, kept)
            return
        trial = begin_trial(self._context.callbacks, trial)
        listener = self._listeners[place] = TrialListener(self._context, trial, item.judge)
        solved = is_solved(request_of(trial))
        self.side.start(place, lambda desk: _train(desk, listener), like=trial.spec, solved=solved)

    def is_solved(self, place: int) -> bool:
        return self._wanted[place].solved

    def take(self, place: int, worker: Worker, reply: Future[Outcome]) -> None:
        """Note what came of a trial, and have its model saved while the worker still has it."""
        self._outcomes[place] = reply
        if reply.exception() is None:
            self._wanted[place].fitted(reply.result().result, worker)
        self.side.release(worker)

    def is_over(self, place: int) -> bool:
        return place in self._known or place in self._outcomes

    def result(self, place: int) -> tuple[RunningTrial, CompletedTrial] | None:
        if place in self._known:
            return self._known.pop(place)
        listener, outcome = self._listeners[place], self._outcomes.pop(place)
        completed = completed_trial(listener, outcome.result)
        self._context.callbacks.on_trial_end(listener.trial, completed)
        del self._listeners[place]
        return listener.trial, completed

    def interrupt(self) -> None:
        for listener in self._listeners.values():
            self._context.callbacks.on_trial_interrupted(listener.trial)


def _train(desk: Desk, listener: TrialListener) -> Outcome:
    """The outcome of a trial, in the thread of its job; what fails beside others is repeated alone."""
    return within_memory_beside_others(
        lambda request, alone: desk.send(request, listener, alone=alone),
        request_of(listener.trial),
        lambda why: desk.call(lambda: listener.restart(why)),
    )
