"""All callbacks of a run behind one: each is told, in order, and one of the user's that fails ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tlsearch.callbacks import Callback, EpochInfo, Progress, RunInfo, WorkerInfo
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.plugins.guard import raised
from tlsearch.results.result import RunResult
from tlsearch.types import Decision
from tlsearch.utils.signals import defer_interrupts


class Recorder(Callback):
    """A built-in callback that keeps what a run finds out. What it raises ends the run."""

    def start_trial(self, trial: RunningTrial) -> str:
        """Start the record of a trial.

        Returns:
            Its id in the record; empty where the recorder gives none.
        """
        return ""

    def on_trial_recalled(self, trial: RunningTrial) -> None:
        """Called for a trial that an earlier attempt at the run has completed."""

    def on_trial_interrupted(self, trial: RunningTrial) -> None:
        """Called where the run is interrupted in a trial."""

    def on_run_failed(self, reason: str, interrupted: bool) -> bool:
        """Called where the run does not come to its end.

        Returns:
            Whether work had begun, so that there is something to resume.
        """
        return False


class CallbackList:
    """Tells the callbacks of a run what happens.

    The recorders come first and are told of the end of a trial as a whole, whatever interrupts the run meanwhile. A
    callback of the user's that raises is named in a warning and told nothing more.
    """

    def __init__(self, recorders: Sequence[Recorder] = (), others: Sequence[Callback] = ()) -> None:
        self._recorders = list(recorders)
        self._others = list(others)

    def add_recorder(self, recorder: Recorder) -> None:
        """Tell one more recorder, after those that are there."""
        self._recorders.append(recorder)

    def on_run_begin(self, run: RunInfo) -> None:
        """Tell that a run begins."""
        self._tell(lambda callback: callback.on_run_begin(run))

    def on_step(self, step: str, text: str) -> None:
        """Tell a result of a step."""
        self._tell(lambda callback: callback.on_step(step, text))

    def on_warning(self, text: str) -> None:
        """Tell what a person should know."""
        self._tell(lambda callback: callback.on_warning(text))

    def on_progress(self, step: str, done: float, total: float, text: str, seconds_left: float | None = None) -> None:
        """Tell how far a step is; see ``Progress``."""
        progress = Progress(step=step, done=done, total=total, text=text, seconds_left=seconds_left)
        self._tell(lambda callback: callback.on_progress(progress))

    def on_workers(self, workers: Sequence[WorkerInfo]) -> None:
        """Tell what each worker does."""
        self._tell(lambda callback: callback.on_workers(workers))

    def start_trial(self, trial: RunningTrial) -> RunningTrial:
        """Start the record of a trial.

        Returns:
            The trial with its id in the record.
        """
        for recorder in self._recorders:
            trial = replace(trial, run_id=recorder.start_trial(trial) or trial.run_id)
        return trial

    def on_trial_begin(self, trial: RunningTrial) -> None:
        """Tell that a trial begins, whose record was started."""
        self._tell(lambda callback: callback.on_trial_begin(trial))

    def on_epoch_end(self, trial: RunningTrial, epoch: EpochInfo) -> Decision:
        """Tell that an epoch has ended.

        Returns:
            The decision: any callback may end a trial of the search. Other trials give the figures that the result is
            compared by, and no callback ends them.
        """
        decisions: list[Decision | None] = []
        self._tell(lambda callback: decisions.append(callback.on_epoch_end(trial, epoch)))
        if trial.role != "trial":
            return Decision.CONTINUE
        return Decision.PRUNE if Decision.PRUNE in decisions else Decision.CONTINUE

    def on_trial_end(self, trial: RunningTrial, completed: CompletedTrial) -> None:
        """Tell that a trial is over: the recorders as a whole, then the others."""
        ended = replace(trial, completed=completed)
        with defer_interrupts():
            for recorder in self._recorders:
                recorder.on_trial_end(ended, completed.result)
        self._tell_others(lambda callback: callback.on_trial_end(ended, completed.result))

    def on_trial_recalled(self, trial: RunningTrial, completed: CompletedTrial) -> None:
        """Tell the recorders of a trial that an earlier attempt at the run has completed."""
        for recorder in self._recorders:
            recorder.on_trial_recalled(replace(trial, run_id=completed.run_id, completed=completed))

    def on_trial_interrupted(self, trial: RunningTrial) -> None:
        """Tell the recorders that the run is interrupted in a trial."""
        for recorder in self._recorders:
            recorder.on_trial_interrupted(trial)

    def on_run_failed(self, reason: str, interrupted: bool) -> bool:
        """Tell that a run does not come to its end; gives whether work had begun."""
        begun = [recorder.on_run_failed(reason, interrupted) for recorder in self._recorders]
        self._tell_others(lambda callback: callback.on_run_end(None))
        return any(begun)

    def on_run_end(self, result: RunResult | None) -> None:
        """Tell that a run is over."""
        self._tell(lambda callback: callback.on_run_end(result))

    def _tell(self, call: Callable[[Callback], object]) -> None:
        for recorder in self._recorders:
            call(recorder)
        self._tell_others(call)

    def _tell_others(self, call: Callable[[Callback], object]) -> None:
        for callback in list(self._others):
            try:
                call(callback)
            except (Exception, SystemExit) as error:  # whatever somebody else's code raises
                self._others.remove(callback)
                name = getattr(callback, "name", "") or type(callback).__name__
                why = raised(error, type(callback).__module__)
                self.on_warning(f"the callback {name} is left out from here on, for it failed: {why}")
