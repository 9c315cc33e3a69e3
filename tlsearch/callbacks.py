"""Callbacks: objects that follow a run.

The console, the MLflow record and the checkpoint follow a run in the same way as an object of the user's own. Importing
this module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.config import RunConfig
from tlsearch.types import Candidate, Decision, Role, TrialResult, TrialSpec

if TYPE_CHECKING:
    from tlsearch.results.result import RunResult

CALLBACK_GROUP = "tlsearch.callbacks"
"""The entry-point group of callbacks."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """A run that begins.

    Attributes:
        config: What was asked for.
        output: The folder that the run writes into.
        resumed: Whether an earlier attempt at the run was interrupted and is continued.
    """

    config: RunConfig
    output: Path
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class TrialInfo:
    """A trial that begins.

    Attributes:
        number: Its number in the search, from 1; 0 for a trial outside of the search.
        role: ``trial``, ``baseline`` or ``confirmation``.
        name: What people read: the name of its MLflow run.
        spec: Everything that decides what it computes.
        candidate: The backbone with weights that it uses.
        run_id: Its MLflow run; empty without one.
    """

    number: int
    role: Role
    name: str
    spec: TrialSpec
    candidate: Candidate
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class EpochInfo:
    """An epoch of a trial that has ended. In a short trial, an epoch sees only a part of the training images.

    Attributes:
        number: Its number in the trial, from 1, counted on through all folds.
        fold: The fold that the trial is on, from 1.
        epoch: How often the training images of this fold were seen, such as 2.5.
        fraction: The share of the whole trial that is done, 0 to 1.
        objective: The chosen metric on validation; None without validation images.
        metrics: All numbers: ``train_loss``, ``train_accuracy``, and with validation images ``val_loss``,
            ``val_accuracy`` and ``objective``.
    """

    number: int
    fold: int
    epoch: float
    fraction: float
    objective: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a step is.

    Attributes:
        step: The step.
        done: What is done of ``total``, in any unit.
        total: The whole.
        text: What is being done, and the best so far.
        seconds_left: The seconds that the step may still take; None without a limit.
    """

    step: str
    done: float
    total: float
    text: str
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class WorkerInfo:
    """What a worker does at a moment.

    Attributes:
        number: Its number, from 1.
        node: The machine of a cluster that it is on; empty for the machine of the run.
        kind: What kind of work it does, such as ``trial`` or ``profile``; empty where it is idle.
        subject: The trial or the network that it is about; empty without one.
        seconds: How long it has been at it.
    """

    number: int
    node: str = ""
    kind: str = ""
    subject: str = ""
    seconds: float = 0.0


class Callback:
    """Follows a run. Override the methods that you need; by default each does nothing.

    Methods are called in the parent process, in the thread of the run, which waits for them. So a method should return
    quickly, and it cannot use the network that is trained. With several workers, a trial may begin before another one
    ends; trials of the search end in the order of their numbers.

    A callback that is passed to ``tlsearch.run`` needs no ``name``. One that is registered under the entry-point group
    ``tlsearch.callbacks`` states ``api_version`` and ``name``, and follows every run.
    """

    api_version: int = 1
    name: str = ""

    def on_run_begin(self, run: RunInfo) -> None:
        """Called once, before the first step."""

    def on_step(self, step: str, text: str) -> None:
        """Called with a line of text for each result of a step.

        Args:
            step: read, data, boxes, plan, resize, profile, baseline, search, confirm, models, test, refit, register, or
                run where it is finished.
            text: What people read.
        """

    def on_warning(self, text: str) -> None:
        """Called with what a person should know; the run goes on."""

    def on_progress(self, progress: Progress) -> None:
        """Called now and then while a step goes on."""

    def on_workers(self, workers: Sequence[WorkerInfo]) -> None:
        """Called about once a second while several workers run side by side, with what each of them does."""

    def on_trial_begin(self, trial: TrialInfo) -> None:
        """Called before a trial."""

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
        """Called after each epoch of a trial.

        Returns:
            ``Decision.PRUNE`` to end the trial, which then counts as pruned. ``None`` and ``Decision.CONTINUE`` leave
            the decision to others. Only a trial of the search (``trial.role`` is ``"trial"``) can be ended. The answer
            has no effect on a baseline or a confirmation, which the winner is compared with.
        """
        return None

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        """Called after a trial, whatever its state is: ``complete``, ``pruned``, ``failed`` or ``timed_out``.

        It is not called for a trial in which the whole run is interrupted.
        """

    def on_run_end(self, result: RunResult | None) -> None:
        """Called once, at the end.

        Args:
            result: What ``result.json`` holds; None where the run failed or was interrupted.
        """
