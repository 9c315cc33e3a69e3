"""What comes of training from scratch, and whether anything may be claimed by comparison with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlsearch.pipeline.context import Data
from tlsearch.report.numbers import format_score
from tlsearch.report.text import guessing
from tlsearch.results.schema import TrialRow
from tlsearch.stats.scoring import estimate_of, guess_score
from tlsearch.stats.trend import Rise
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult


@dataclass(frozen=True, kw_only=True)
class BaselineResult:
    """A network that was trained from scratch.

    Attributes:
        candidate: The architecture with random weights, at an image size.
        result: What came of its best learning rate.
        rows: The trials of all learning rates.
        seconds: The seconds that all of them took.
        pace: How many times longer than in the plan work took then.
        stopped_by: ``schedule`` or ``time``.
        still_improving: Whether validation was rising to the end.
        not_affordable: Architectures that would have taken too long.
        epochs: How often each training image was seen.
        whole_epochs: The epochs of the whole schedule, which nothing but the time, or what was asked, cuts short.
        rise: What its score would gain in the epochs that are left, or in as many again where none are; None where that
            cannot be told.
        no_claim: Why no gain over it is claimed, whatever test says; empty where one may be.
        outcome: Its result with its predictions for validation images.
        others: The networks that were trained beside it.
        of_fold: Whether the model that is tested has seen the training images of the first fold alone.
    """

    candidate: Candidate
    result: TrialResult
    rows: tuple[TrialRow, ...]
    seconds: float
    stopped_by: str
    still_improving: bool
    not_affordable: tuple[str, ...]
    epochs: int
    whole_epochs: int | None = None
    rise: Rise | None = None
    no_claim: str = ""
    outcome: Outcome | None = None
    others: tuple[BaselineResult, ...] = ()
    pace: float = 1.0
    of_fold: bool = False

    @property
    def estimated_seconds(self) -> float:
        """What its best learning rate takes once more, at the pace of the plan."""
        return self.result.seconds / self.pace

    @property
    def architecture(self) -> str:
        """The name of the network."""
        return self.candidate.backbone

    @property
    def learning_rates(self) -> int:
        """How many learning rates were tried."""
        return len({row.spec.lr_suffix for row in self.rows})


def scratch_of(baseline: BaselineResult | None) -> tuple[BaselineResult, ...]:
    """All networks that were trained from scratch, the baseline first."""
    return () if baseline is None else (baseline, *baseline.others)


def not_learned(data: Data, outcome: Outcome, trained: str) -> str:
    """Why nothing can be claimed by comparison with a network from scratch: it is as good as guessing.

    Empty where it is better. ``trained`` says for how long it was trained: ``15 of 60 epochs``.
    """
    metric, rows = data.metric, outcome.val_rows.tolist()
    labels, known = (np.asarray([data.labels[row] for row in of]) for of in (rows, data.fold.train))
    groups = [data.groups[row] for row in rows]
    found = estimate_of(metric, labels, np.asarray(outcome.val_probabilities, np.float64), groups)
    guessed = guess_score(metric, labels, known, outcome.val_probabilities.shape[1])
    worst = found.ci95[0] if metric.sign > 0 else found.ci95[1]
    if metric.sign * (worst - guessed) <= 0:
        return (
            f"after {trained} it is no better than {guessing(counts=metric.counts is not None)}, as far as validation "
            f"can tell ({format_score(found.value)} against {format_score(guessed)})"
        )
    return ""
