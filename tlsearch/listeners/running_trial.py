"""A trial as the built-in callbacks know it: what a user's callback is told, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tlsearch.callbacks import EpochInfo, TrialInfo
from tlsearch.data.split import Fold
from tlsearch.runs.pace import Estimated
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult

ExtraMetrics = Callable[[TrialResult], Mapping[str, float]]
"""Gives metrics that are recorded beside those of a result."""


def no_extra_metrics(result: TrialResult) -> Mapping[str, float]:
    """Nothing beside the metrics of the result."""
    return {}


@dataclass(frozen=True, kw_only=True)
class CompletedTrial:
    """A trial that is over, as the checkpoint keeps it.

    Attributes:
        result: What came of it.
        outcome: The result with the predictions for the validation images; None where the trial failed.
        run_id: Its MLflow run.
        epochs: The numbers of every epoch.
        extra: The metrics that were recorded beside those of the result.
        estimated: What it was estimated to take; None where nobody asked.
    """

    result: TrialResult
    outcome: Outcome | None
    run_id: str
    epochs: tuple[Mapping[str, float], ...]
    extra: Mapping[str, float] = field(default_factory=dict)
    estimated: Estimated | None = None


@dataclass(frozen=True, kw_only=True)
class RunningTrial(TrialInfo):
    """A trial that is asked of the worker.

    Attributes:
        folds: The folds that it is trained and validated on.
        step: The step of the run that asks for it.
        seconds: The seconds after which it is cut off; None without a limit.
        extra: Gives metrics to be recorded beside those of its result.
        completed: What came of it, once it is over.
        estimated: What it is estimated to take; None where nobody asks.
    """

    folds: tuple[Fold, ...]
    step: str = "search"
    seconds: float | None = None
    extra: ExtraMetrics = no_extra_metrics
    completed: CompletedTrial | None = None
    estimated: Estimated | None = None

    @property
    def question(self) -> tuple[Any, ...]:
        """What the checkpoint knows it by: all that its result depends on."""
        return ("trial", self.role, self.spec, self.folds)


class Epochs:
    """Numbers the epochs of a trial, which come in order, fold after fold."""

    def __init__(self) -> None:
        self._number, self._fold, self._last = 0, 1, 0.0

    def next(self, numbers: Mapping[str, float]) -> EpochInfo:
        """The next epoch; its fold is another one where the images were seen less often than before."""
        if numbers["epoch"] <= self._last:
            self._fold += 1
        self._number, self._last = self._number + 1, numbers["epoch"]
        return EpochInfo(
            number=self._number,
            fold=self._fold,
            epoch=numbers["epoch"],
            fraction=numbers.get("fraction", 0.0),
            objective=numbers.get("objective"),
            metrics=numbers,
        )
