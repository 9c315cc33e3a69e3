"""The trials: what each was and what came of it, and the learning curves of the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tlsearch.types import Role, TrialResult, TrialSpec

Epoch = Mapping[str, float | None]
"""One epoch: ``epoch``, ``train_loss``, ``val_accuracy`` and so on; None where a number was not finite."""


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial as result.json and trials.csv keep it.

    ``run_id`` is its MLflow run, ``folds`` the number of folds that ``value`` is the mean of. ``value_on_shared_folds``
    is the mean over those folds that every trial has, by which the search ranks trials; None where nothing is ranked by
    it. ``megabytes`` and ``ms_per_image`` are what a model of it costs at use, by estimate from its network; None where
    nothing is known of that.
    """

    number: int
    label: str
    spec: TrialSpec
    state: str
    kind: str
    role: str
    value: float | None
    seconds: float
    reason: str = ""
    candidate: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    run_id: str | None = None
    folds: int = 1
    value_on_shared_folds: float | None = None
    megabytes: float | None = None
    ms_per_image: float | None = None

    @property
    def ranked_by(self) -> float | None:
        """The score by which it stands among the others."""
        return self.value if self.value_on_shared_folds is None else self.value_on_shared_folds

    @classmethod
    def of(cls, number: int, role: Role, result: TrialResult, run_id: str | None = None) -> TrialRow:
        """The row for ``result``."""
        spec = result.spec
        return cls(
            number=number,
            label=spec.label,
            spec=spec,
            state=result.state,
            kind=spec.kind,
            role=role,
            value=result.value,
            seconds=result.seconds,
            reason=result.reason,
            candidate=f"{spec.backbone}@{spec.weights}" if spec.weights else f"{spec.backbone} from scratch",
            metrics=dict(result.metrics),
            run_id=run_id,
            folds=max(1, len(result.fold_values)),
        )


@dataclass(frozen=True)
class Histories:
    """The learning curves, one mapping an epoch; empty where nothing was trained in epochs.

    ``trials`` has those of the best trials that were trained, by their number, the best first.
    """

    winner: tuple[Epoch, ...] = ()
    baseline: tuple[Epoch, ...] = ()
    trials: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)
