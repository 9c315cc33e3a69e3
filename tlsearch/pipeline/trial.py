"""Run one trial in the worker, tell the callbacks of it, and record it as failed where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tlsearch.errors import OutOfTimeError, PluginError, RunError, TlsearchError, TrialError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.running_trial import CompletedTrial, Epochs, RunningTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.runs.pace import Pace
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, NumberedEpochJudge, TrialResult
from tlsearch.utils.files import is_full
from tlsearch.utils.signals import defer_interrupts
from tlsearch.worker.events import EpochEnd, Event
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunTrial
from tlsearch.worker.retry import within_memory

BY_MEDIAN, BY_CALLBACK = "worse than the median of its kind", "a callback ended it"
"""Why a trial was pruned; behind it stands after how many epochs."""

OnFitted = Callable[[TrialResult, Worker], None]
"""Gets what came of a trial that was run just now, and the worker that has fitted its model last."""


def no_model_wanted(result: TrialResult, worker: Worker) -> None:
    """Leave the model of a trial where it is."""


def go_on(number: int, numbers: Mapping[str, float]) -> Decision:
    """Let every trial go on."""
    return Decision.CONTINUE


def run_trial(
    context: RunContext, trial: RunningTrial, judge: NumberedEpochJudge = go_on, fitted: OnFitted = no_model_wanted
) -> CompletedTrial:
    """Run a trial in the worker and tell the callbacks.

    Whatever goes wrong in the trial ends this trial only: the result then says "failed", with the reason. A trial that
    an earlier attempt at the run has completed is not run again; ``judge`` gets its epochs. ``fitted`` is called where
    the worker has fitted the model of the trial.
    """
    kept = recall(context, trial, judge)
    if kept is not None:
        return kept
    try:
        trial = begin_trial(context.callbacks, trial)
        listener = TrialListener(context, trial, judge)
        completed = completed_trial(listener, lambda: _train(context, listener))
        context.callbacks.on_trial_end(trial, completed)
    except KeyboardInterrupt:
        context.callbacks.on_trial_interrupted(trial)
        raise
    if completed.outcome is not None:
        fitted(completed.result, context.pool.worker_for(request_of(trial)))
    return completed


def begin_trial(callbacks: CallbackList, trial: RunningTrial) -> RunningTrial:
    """Start the record of a trial and tell the callbacks that it begins; gives it with its id in the record."""
    with defer_interrupts():
        trial = callbacks.start_trial(trial)
    callbacks.on_trial_begin(trial)
    return trial


def recall(context: RunContext, trial: RunningTrial, judge: NumberedEpochJudge = go_on) -> CompletedTrial | None:
    """The trial as an earlier attempt at the run has completed it, its record finished; None for any other.

    ``judge`` gets its epochs.
    """
    kept: CompletedTrial | None = context.checkpoint.get(trial.question, CompletedTrial)
    if kept is not None:
        context.callbacks.on_trial_recalled(trial, kept)
        for number, numbers in enumerate(kept.epochs, 1):
            judge(number, numbers)
    return kept


def request_of(trial: RunningTrial) -> RunTrial:
    """What the worker is asked for.

    A compiled model is kept there where the same trial comes again, on a next fold.
    """
    return RunTrial(
        candidate=trial.candidate,
        spec=trial.spec,
        folds=tuple(trial.folds),
        seconds=trial.seconds,
        keep_compiled=trial.role == "confirmation",
    )


def _train(context: RunContext, listener: TrialListener) -> Outcome:
    return within_memory(
        lambda once: context.pool.worker_for(once).send(once, listener),
        request_of(listener.trial),
        listener.restart,
        repeats=context.pool.repeats,
    )


def completed_trial(listener: TrialListener, outcome_of: Callable[[], Outcome]) -> CompletedTrial:
    """The trial whose outcome ``outcome_of`` gives; a failed one where it raises what ends one trial only."""
    trial = listener.trial
    try:
        outcome = outcome_of()
    except (TrialError, RunError, PluginError, WeightsError) as error:
        if is_full(error):  # no fault of the trial, which can be run when there is room again
            raise
        return failed_trial(trial, error, listener.epochs)
    result = outcome.result
    if result.state == "pruned":
        result = replace(result, reason=f"{listener.why_pruned} {result.reason}")
    return CompletedTrial(
        result=result,
        outcome=replace(outcome, result=result),
        run_id=trial.run_id,
        epochs=tuple(listener.epochs),
        extra=trial.extra(result),
        estimated=trial.estimated,
    )


def failed_trial(
    trial: RunningTrial, error: BaseException, epochs: Sequence[Mapping[str, float]] = ()
) -> CompletedTrial:
    """What is kept and told of a trial that ended with an error, or where its worker had to be ended in time."""
    known = error if isinstance(error, TlsearchError) else TlsearchError()
    result = TrialResult(
        spec=trial.spec,
        state="timed_out" if isinstance(error, OutOfTimeError) else "failed",
        value=None,
        seconds=0.0,
        reason=str(error),
        traceback=known.traceback,
        plugin=known.plugin,
    )
    return CompletedTrial(
        result=result, outcome=None, run_id=trial.run_id, epochs=tuple(epochs), extra=trial.extra(result)
    )


def note_pace(pace: Pace, completed: CompletedTrial) -> None:
    """Take in what a trial took beside what it was estimated to take: what comes later is priced by it."""
    result = completed.result
    if completed.estimated is not None and result.state != "failed":
        fraction = completed.epochs[-1].get("fraction", 0.0) if completed.epochs else 0.0
        pace.note_until(completed.estimated, 1.0 if result.state == "complete" else fraction, result.seconds)


class TrialListener:
    """Takes the events of a trial.

    It keeps the epochs, tells the callbacks, and answers each event with what they and ``judge`` decide.

    Attributes:
        trial: The trial.
        epochs: The numbers of its epochs so far.
        why_pruned: Why it was pruned, if it was.
    """

    def __init__(self, context: RunContext, trial: RunningTrial, judge: NumberedEpochJudge) -> None:
        self.epochs: list[Mapping[str, float]] = []
        self.why_pruned = BY_MEDIAN
        self.trial = trial
        self._context, self._judge = context, judge
        self._epochs, self._show = Epochs(), context.progress(trial.step)
        self._before, self._began = 0, context.budget.elapsed()

    def __call__(self, event: Event) -> Decision:
        """Take an event and decide."""
        if not isinstance(event, EpochEnd):
            return self._show(event)
        self.epochs.append(event.numbers)
        if len(self.epochs) <= self._before:
            return Decision.CONTINUE
        theirs = self._context.callbacks.on_epoch_end(self.trial, self._epochs.next(event.numbers))
        ours = self._judge(len(self.epochs), event.numbers)
        if Decision.PRUNE in (theirs, ours):
            self.why_pruned = BY_MEDIAN if ours is Decision.PRUNE else BY_CALLBACK
            return Decision.PRUNE
        return Decision.TIME_OUT if self._is_late(event.numbers.get("fraction", 1.0)) else Decision.CONTINUE

    def _is_late(self, fraction: float) -> bool:
        """Whether the trial must end, for the machine has become slow since it began.

        Then the end of the run will take longer, too, and the trial has less time than it was given.
        """
        budget, estimated, seconds = self._context.budget, self.trial.estimated, self.trial.seconds
        if estimated is None or seconds is None or fraction >= 1.0:
            return False
        took, pace = budget.elapsed() - self._began, replace(budget.pace)
        pace.note_until(estimated, fraction, took)
        return took > seconds - max(0.0, budget.end_at(pace) - budget.end_at(budget.pace))

    def restart(self, why: str) -> None:
        """The trial begins anew: the epochs that were told already are not told again."""
        self._context.callbacks.on_warning(why)
        self._before = max(self._before, len(self.epochs))
        self.epochs.clear()
