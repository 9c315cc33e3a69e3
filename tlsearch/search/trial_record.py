"""TrialRecord: a trial as the study remembers it, in an attribute of Optuna's trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tlsearch.types import State, TrialResult, TrialSpec, score_of
from tlsearch.utils import serialize

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

ATTRIBUTE = "finished"
"""The user attribute of a trial that was run; one attribute for all of it, as each is a transaction of its own."""

Curve = Sequence[tuple[float, float]]
"""(share of the schedule, objective) after each epoch of a trial."""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """A trial that was run, whatever came of it.

    Attributes:
        number: Its number among the trials that were run, from 1.
        spec: Everything that decided what it computed.
        state: What became of it.
        value: The chosen metric on validation; None where the trial is not complete.
        val_loss: The log loss on validation; None where it is missing or not finite.
        seconds: The time that it took.
        curve: Its objective after each epoch.
        reason: Why it is not complete.
        metrics: Its metrics as far as they are finite.
        fold_values: The values on the folds of which ``value`` is the mean.
        plugin: The plugin whose fault a failure is, kind and name.
    """

    number: int
    spec: TrialSpec
    state: State
    value: float | None = None
    val_loss: float | None = None
    seconds: float = 0.0
    curve: Curve = ()
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    fold_values: tuple[float, ...] = ()
    plugin: str = ""

    @classmethod
    def of(cls, number: int, spec: TrialSpec, result: TrialResult, curve: Curve) -> TrialRecord:
        """Make the record of the trial ``spec`` from what came of it."""
        metrics = {name: value for name, value in result.metrics.items() if math.isfinite(value)}
        return cls(
            number=number,
            spec=spec,
            state=result.state,
            value=result.value,
            val_loss=metrics.get("val_loss"),
            seconds=result.seconds,
            curve=tuple(curve),
            reason=result.reason,
            metrics=metrics,
            fold_values=result.fold_values,
            plugin=result.plugin,
        )

    @property
    def score(self) -> float:
        """The value of a trial that is complete. Raises ``ValueError`` where it has none."""
        return score_of(self.value, self.spec)

    def compared(self, folds: int) -> float:
        """Give the mean over the first ``folds`` folds, which every trial has: all are compared on the same images.

        Raises ``ValueError`` for a trial without a value.
        """
        if self.value is None:
            return self.score
        return math.fsum(self.fold_values[:folds]) / folds if len(self.fold_values) > folds else self.value

    def rank(self, operations: float, folds: int, sign: float = 1.0) -> tuple[float, float, float]:
        """Give a key to sort by; higher is better.

        The value on the folds that every trial has comes first, then lower log loss, then lower cost. Without a value
        a trial is below every other.

        Args:
            operations: The cost of the trial.
            folds: The number of folds that every trial has.
            sign: That of the metric: -1 where a lower value is better.
        """
        loss = math.inf if self.val_loss is None else self.val_loss
        value = -math.inf if self.value is None else sign * self.compared(folds)
        return (value, -loss, -operations)


def remember(trial: optuna.Trial, record: TrialRecord) -> None:
    """Keep the record of a trial in the study."""
    trial.set_user_attr(ATTRIBUTE, serialize.FILE.encode(record))


def remembered(trials: Iterable[FrozenTrial]) -> list[TrialRecord]:
    """Read the records of all trials that were run to their end, in their order."""
    return [
        serialize.FILE.decode(TrialRecord, trial.user_attrs[ATTRIBUTE])
        for trial in trials
        if trial.state.is_finished() and ATTRIBUTE in trial.user_attrs
    ]


def tell_known(trial: optuna.Trial, known: TrialRecord, folds: int) -> None:
    """Tell Optuna the value of a spec that was tried already: it is neither trained again nor counted.

    Args:
        trial: The proposal.
        known: The trial of the same spec.
        folds: On how many folds trials are compared.
    """
    from optuna.trial import TrialState

    trial.set_user_attr("same_as", known.number)
    if known.value is not None:
        trial.study.tell(trial, known.compared(folds))
    else:
        trial.study.tell(trial, state=TrialState.FAIL)


def skip(trial: optuna.Trial, spec: TrialSpec, why: str) -> None:
    """Tell Optuna of a proposal that leads to no trial."""
    from optuna.trial import TrialState

    trial.set_user_attr("skipped", f"{spec.label}: {why}")
    trial.study.tell(trial, state=TrialState.FAIL)
