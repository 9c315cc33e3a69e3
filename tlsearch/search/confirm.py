"""confirm: the best few and the baseline on resampled folds, as many as the time allows, so that luck does not win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.data.split import resampled_folds
from tlsearch.records import TrialSpec
from tlsearch.results.parts import Confirmed, TrialRow
from tlsearch.search.baseline import BaselineResult
from tlsearch.search.execute import execute
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.study import Finished

CONTENDERS = 3
MOST_FOLDS = 3


@dataclass(frozen=True)
class Confirmation:
    """``winner`` is one of the contenders; ``confirmed`` its figure on resampled folds, None where there was no time
    for a single one, which ``needed`` seconds a fold would have taken."""

    winner: Finished
    confirmed: Confirmed | None
    baseline: Confirmed | None
    rows: tuple[TrialRow, ...]
    needed: float


def confirm(
    session: Session, plan: Plan, contenders: Sequence[Finished], baseline: BaselineResult | None
) -> Confirmation:
    """Train the contenders and the baseline anew on each fold; among those within one standard error of the best
    mean, the cheapest at inference wins, and of equals the better on validation."""
    needed = fold_seconds(plan, contenders, baseline)
    data = session.data
    share = len(data.fold.val) / len(data.pool)
    folds = resampled_folds(data.labels, data.groups, MOST_FOLDS, share, session.config.seed)
    scores: dict[TrialSpec, list[float]] = {c.spec: [] for c in contenders}
    rows: list[TrialRow] = []
    if baseline is not None:
        scores[baseline.result.spec] = []
    for number, fold in enumerate(folds, 1):
        if not session.clock.fits(needed, "rest"):
            break
        for spec in scores:
            candidate = baseline.candidate if baseline and spec == baseline.result.spec else plan.space.of(spec)
            session.reporter.progress("confirm", len(rows), MOST_FOLDS * len(scores), f"fold {number}: {spec.label}")
            result, _, run = execute(
                session, spec, candidate, [fold], "confirmation", f"confirm fold {number} {spec.label}",
                lambda *_: "continue", None, "confirm",
            )  # fmt: skip
            rows.append(TrialRow.of(len(rows) + 1, "confirmation", result, run))
            scores[spec].append(result.value if result.value is not None else 0.0)
    winner = _choose(plan, contenders, scores, len(data.fold.val))
    return Confirmation(
        winner,
        _summary(scores[winner.spec]),
        _summary(scores[baseline.result.spec]) if baseline else None,
        tuple(rows),
        needed,
    )


def fold_seconds(plan: Plan, contenders: Sequence[Finished], baseline: BaselineResult | None) -> float:
    """Seconds that one fold takes for all contenders and the baseline."""
    return sum(plan.costs.seconds(c.spec) for c in contenders) + (baseline.result.seconds if baseline else 0.0)


def _choose(
    plan: Plan, contenders: Sequence[Finished], scores: Mapping[TrialSpec, Sequence[float]], val_images: int
) -> Finished:
    if not scores[contenders[0].spec]:
        return contenders[0]
    mean = {c.spec: float(np.mean(scores[c.spec])) for c in contenders}
    best = max(contenders, key=lambda c: mean[c.spec])
    near = [c for c in contenders if mean[best.spec] - mean[c.spec] <= _paired_error(scores, best, c, val_images)]
    return min(near, key=lambda c: (_inference(plan, c), -mean[c.spec], -(c.value or 0.0)))


def _paired_error(
    scores: Mapping[TrialSpec, Sequence[float]], best: Finished, other: Finished, val_images: int
) -> float:
    """One standard error of the difference on the same folds; binomial where one fold gives no spread."""
    differences = np.asarray(scores[best.spec]) - np.asarray(scores[other.spec])
    if best is other:
        return 0.0
    if len(differences) > 1:
        return float(differences.std(ddof=1) / np.sqrt(len(differences)))
    p = float(np.mean(scores[best.spec]))
    return float(np.sqrt(max(p * (1 - p), 1e-9) / val_images))


def _inference(plan: Plan, contender: Finished) -> float:
    """Operations for one image through the whole network."""
    return plan.costs.facts[plan.space.of(contender.spec)].cuts[-1].work


def _summary(scores: Sequence[float]) -> Confirmed | None:
    if not scores:
        return None
    error = float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else None
    return Confirmed(float(np.mean(scores)), len(scores), None, error)
