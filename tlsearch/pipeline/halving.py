"""Several learning rates of a whole network, raced in the worker: the best after a third is trained to the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.running_trial import CompletedTrial, Epochs, RunningTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.jobs import Job, ask
from tlsearch.pipeline.trial import failed_trial
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialResult
from tlsearch.utils.signals import defer_interrupts
from tlsearch.worker.events import Event, Listener, RateEpochEnd
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunSuccessiveHalving

Keep = Callable[["RaceResult", Worker], None]
"""Saves what is wanted of the best model, which the worker has fitted last."""


@dataclass(frozen=True)
class RaceResult:
    """What came of one network's learning rates, as it is kept, and their MLflow runs."""

    outcomes: tuple[Outcome, ...]
    run_ids: tuple[str, ...]

    def trials(self) -> list[CompletedTrial]:
        """Each learning rate as a trial that is over."""
        pairs = zip(self.outcomes, self.run_ids, strict=True)
        return [
            CompletedTrial(result=outcome.result, outcome=outcome, run_id=run_id, epochs=())
            for outcome, run_id in pairs
        ]

    @property
    def best_outcome(self) -> Outcome:
        """The one that was trained to the end."""
        return next(outcome for outcome in self.outcomes if outcome.result.state == "complete")

    @property
    def best(self) -> TrialResult:
        """Its result."""
        return self.best_outcome.result


def halve(
    context: RunContext,
    trials: Sequence[RunningTrial],
    request: RunSuccessiveHalving,
    question: tuple[Any, ...],
    keep: Keep,
) -> Job[RaceResult]:
    """Train several learning rates, told as they go; what comes of them is kept as the answer to ``question``.

    Args:
        context: The run.
        trials: One for each learning rate.
        request: What the worker is asked for.
        question: What the checkpoint knows the answer by.
        keep: Saves what is wanted of the best model, before the answer is kept.
    """
    started = list[RunningTrial]()
    try:
        with defer_interrupts():
            for trial in trials:
                started.append(context.callbacks.start_trial(trial))
        for trial in started:
            context.callbacks.on_trial_begin(trial)
        outcomes, worker = yield from ask(request, _listener(context, started))
        raced = RaceResult(outcomes, tuple(trial.run_id for trial in started))
        keep(raced, worker)
        with defer_interrupts():
            context.checkpoint.put(question, raced)
            for completed in raced.trials():
                context.callbacks.on_trial_end(started.pop(0), completed)
    except KeyboardInterrupt:
        for trial in started:
            context.callbacks.on_trial_interrupted(trial)
        raise
    except BaseException as error:
        for trial in started:
            context.callbacks.on_trial_end(trial, failed_trial(trial, error))
        raise
    return raced


def _listener(context: RunContext, trials: Sequence[RunningTrial]) -> Listener:
    """Takes the events of learning rates that are trained together; no callback ends one of them."""
    epochs, show = [Epochs() for _ in trials], context.progress(trials[0].step)

    def listener(event: Event) -> Decision:
        if not isinstance(event, RateEpochEnd):
            return show(event)
        number, numbers = event.number, event.numbers
        context.callbacks.on_epoch_end(trials[number], epochs[number].next(numbers))
        _show(context.callbacks, trials[number], numbers)
        return Decision.CONTINUE

    return listener


def _show(callbacks: CallbackList, trial: RunningTrial, numbers: Mapping[str, float]) -> None:
    text = f"{trial.candidate.label}, validation {numbers['objective']:.3f}"
    callbacks.on_progress(trial.step, numbers["fraction"], 1.0, text)
