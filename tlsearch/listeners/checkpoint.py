"""The checkpoint as a callback: a trial that is over is kept, so that a run that was interrupted finds it."""

from __future__ import annotations

from tlsearch.callbacks import TrialInfo
from tlsearch.listeners.callback_list import Recorder
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.types import TrialResult


class CheckpointCallback(Recorder):
    """Keeps trials in a checkpoint.

    The learning rates of a network from scratch (role ``baseline``) are trained together and kept together, by the
    step that trains them.
    """

    name = "checkpoint"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        """Keep a trial that is over."""
        if isinstance(trial, RunningTrial) and trial.completed is not None and trial.role != "baseline":
            self._checkpoint.put(trial.question, trial.completed)
