"""confirm: the best few are trained anew on resampled folds, as many as the time allows: luck must not win."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tlsearch.data.split import Fold, resampled_folds
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.messages import confirm_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import final_seconds
from tlsearch.pipeline.trial import run_trial
from tlsearch.results.schema import Confirmed, TrialRow
from tlsearch.search.trial_record import TrialRecord
from tlsearch.stats.scoring import fold_error, paired_fold_error
from tlsearch.stats.standard_errors import paired_error, sampling_error
from tlsearch.tracking.naming import numbered
from tlsearch.types import AnyArray, Candidate, LabelArray, TrialSpec

CONTENDERS = 3
MOST_FOLDS = 5
REPEATS = 2
"""Repetitions of the winner on the first fold with other seeds, at most, for the spread over seeds."""

VIEWS_FACTOR = 2
"""Confirmation renders this many times the views of a trial: few stored views flatter nobody twice."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What came of the contenders.

    Attributes:
        winner: One of the contenders.
        confirmed: The figures on resampled folds by the spec that was searched, of the contenders, the linear probe
            and the networks from scratch; what there was no time for is absent.
        rows: The trials that were run.
        needed: The seconds that one fold of the first contender takes with what stands beside it.
        compared: How many of the contenders there was time for.
        contenders: How many there were.
    """

    winner: TrialRecord
    confirmed: Mapping[TrialSpec, Confirmed]
    rows: tuple[TrialRow, ...]
    needed: float
    compared: int
    contenders: int


@dataclass
class _FoldRuns:
    """What runs, on which folds, and what came of it.

    Attributes:
        context: The run.
        plan: Its plan.
        folds: The resampled folds, the same for all.
        scratch: The networks from scratch that run beside the contenders.
        numbers: The numbers of the trials, as the names of runs show them.
        scores: Values by fold.
        repeated: The values of further seeds on the first fold.
        probabilities: Those of the images of the first fold.
        took: Seconds by fold.
        rows: The trials that were run, as the result keeps them.
    """

    context: RunContext
    plan: Plan
    folds: Sequence[Fold]
    scratch: Mapping[TrialSpec, BaselineResult]
    numbers: Mapping[TrialSpec, str] = field(default_factory=dict)
    scores: dict[TrialSpec, list[float]] = field(default_factory=dict)
    repeated: dict[TrialSpec, list[float]] = field(default_factory=dict)
    probabilities: dict[TrialSpec, AnyArray] = field(default_factory=dict)
    took: dict[TrialSpec, list[float]] = field(default_factory=dict)
    rows: list[TrialRow] = field(default_factory=list)

    def seconds(self, spec: TrialSpec) -> float:
        """Seconds that a spec takes on its next fold."""
        took = self.took.get(spec, [])
        if not took:
            return self.first_seconds(spec)
        if len(took) == 1:  # on the first fold views are rendered and a model is compiled
            return min(took[0], self.first_seconds(spec))
        return float(np.median(took[1:]))  # and once more after a renewal of the worker process

    def first_seconds(self, spec: TrialSpec) -> float:
        """Seconds that a spec takes on its first fold, about."""
        if spec in self.scratch:
            return self.scratch[spec].result.seconds
        return self.plan.costs.fold_seconds(spec) + self.plan.costs.view_seconds(more_views(spec))

    def run(self, spec: TrialSpec, number: int, repeat: int = 0) -> float | None:
        """The value of a spec on a fold; None where it failed."""
        what = f"fold {number + 1}" + (f", seed {repeat + 1}" if repeat else "")
        self.context.callbacks.on_progress("confirm", number, len(self.folds), f"{what}: {spec.label}")
        confirming = replace(more_views(spec), repeat=repeat)
        trial = RunningTrial(
            number=0,
            role="confirmation",
            name=f"confirm {self.numbers.get(spec, 'baseline')} {what.replace(',', '')} {spec.label}",
            spec=confirming,
            candidate=self._candidate(spec),
            folds=(self.folds[number],),
            step="confirm",
        )
        completed = run_trial(self.context, trial)
        result, outcome = completed.result, completed.outcome
        self.rows.append(TrialRow.of(len(self.rows) + 1, "confirmation", result, completed.run_id))
        if result.state == "complete" and spec not in self.scratch:
            self.plan.costs.remember(confirming)
        if result.state == "complete" and not repeat:
            self.took.setdefault(spec, []).append(result.seconds)
        if outcome is not None and number == repeat == 0:
            self.probabilities[spec] = outcome.val_probabilities
        return result.value if result.state == "complete" else None

    def error(self, spec: TrialSpec) -> float:
        """The standard error of the mean of a spec."""
        values, fold = self.scores[spec], self.folds[0]
        if len(values) > 1:
            return sampling_error(values, len(fold.val), len(fold.train))
        return fold_error(self.plan.data.metric, self.probabilities[spec], *self._first_fold())

    def paired_error(self, best: TrialSpec, other: TrialSpec) -> float:
        """The standard error of the difference of two specs that ran on the same folds."""
        fold = self.folds[0]
        if len(self.scores[best]) > 1:
            return paired_error(self.scores[best], self.scores[other], len(fold.val), len(fold.train))
        pair = self.probabilities[best], self.probabilities[other]
        return paired_fold_error(self.plan.data.metric, *pair, *self._first_fold())

    def mean(self, spec: TrialSpec) -> float:
        """The mean of a spec over its folds with the sign of the metric: the greater is better."""
        values = self.scores.get(spec, ())
        return self.plan.data.metric.sign * float(np.mean(values)) if values else -np.inf

    def _first_fold(self) -> tuple[LabelArray, npt.NDArray[np.int64]]:
        """Labels and groups of the images of the first fold."""
        data, rows = self.plan.data, list(self.folds[0].val)
        return np.asarray(data.labels, np.intp)[rows], np.asarray(data.groups, np.int64)[rows]

    def _candidate(self, spec: TrialSpec) -> Candidate:
        known = self.scratch.get(spec)
        return known.candidate if known else self.plan.space.of(spec)


def confirm(
    context: RunContext,
    plan: Plan,
    contenders: Sequence[TrialRecord],
    probe: TrialRecord,
    scratch: Sequence[BaselineResult],
) -> Confirmation:
    """Train the contenders anew on resampled folds, and beside them the linear probe and the networks from scratch.

    After each fold a contender that lies more than one paired standard error behind the best stops. Among those
    that stay, the cheapest at inference wins, of equals the better mean, then the better on validation. The folds and
    the seeds are the same for all.
    """
    with context.budget.measure("confirm"):
        confirmation = _confirm(context, plan, contenders, probe, scratch)
    context.callbacks.on_step("confirm", confirm_line(confirmation))
    return confirmation


def _confirm(
    context: RunContext,
    plan: Plan,
    contenders: Sequence[TrialRecord],
    probe: TrialRecord,
    scratch: Sequence[BaselineResult],
) -> Confirmation:
    data = plan.data
    share = len(data.fold.val) / len(data.pool)
    folds = resampled_folds(data.labels, data.resampled_units, MOST_FOLDS, share, context.config.seed)
    total = context.config.effective_trials
    numbers = {f.spec: numbered(f.number, total) for f in (*contenders, probe)}
    runs = _FoldRuns(context, plan, folds, {b.result.spec: b for b in scratch}, numbers)
    first, beside = contenders[0].spec, _beside(runs, probe, scratch)
    seconds = sum(b.result.seconds for b in scratch)
    reserve = final_seconds(plan, contenders, seconds, refit=context.config.refit)

    def fits(seconds: float) -> bool:
        return context.budget.fits(seconds + reserve, "rest")

    running = _starters(runs, contenders, beside, fits)
    compared = len(running)
    if running:
        running = _run_folds(runs, running, [spec for spec in beside if fits(_cost(runs, {first, spec}))], fits)
    winner = min(running, key=lambda c: _preference(runs, c)) if running else contenders[0]
    _repeat(runs, winner.spec, fits)
    confirmed = {spec: _summary(runs, spec) for spec, values in runs.scores.items() if values}
    return Confirmation(
        winner=winner,
        confirmed=confirmed,
        rows=tuple(runs.rows),
        needed=_cost(runs, {first, *beside}),
        compared=compared,
        contenders=len(contenders),
    )


def more_views(spec: TrialSpec) -> TrialSpec:
    """The spec as it is confirmed: with twice its views."""
    return replace(spec, views=VIEWS_FACTOR * spec.views) if spec.strength else spec


def fold_seconds(
    plan: Plan, context: RunContext, contender: TrialRecord, probe: TrialRecord, scratch: Sequence[BaselineResult]
) -> float:
    """Seconds that one fold takes for a contender with the probe and the networks from scratch beside it."""
    runs = _FoldRuns(context, plan, (), {b.result.spec: b for b in scratch})
    return _cost(runs, {contender.spec, *_beside(runs, probe, scratch)})


def _beside(runs: _FoldRuns, probe: TrialRecord, scratch: Sequence[BaselineResult]) -> list[TrialSpec]:
    return [probe.spec, *(b.result.spec for b in scratch)]


def _cost(runs: _FoldRuns, specs: set[TrialSpec]) -> float:
    return sum(runs.seconds(spec) for spec in specs)


def _starters(
    runs: _FoldRuns, contenders: Sequence[TrialRecord], beside: Sequence[TrialSpec], fits: Callable[[float], bool]
) -> list[TrialRecord]:
    """As many of the contenders, best first, as one fold has time for; the first alone where it just fits."""
    for count in range(len(contenders), 0, -1):
        if fits(_cost(runs, {*(c.spec for c in contenders[:count]), *beside})):
            return list(contenders[:count])
    return list(contenders[:1]) if fits(runs.seconds(contenders[0].spec)) else []


def _run_folds(
    runs: _FoldRuns, running: list[TrialRecord], beside: Sequence[TrialSpec], fits: Callable[[float], bool]
) -> list[TrialRecord]:
    """Fold after fold; gives the contenders that are within one standard error of the best at the end."""
    for number in range(len(runs.folds)):
        group = list(dict.fromkeys([*(c.spec for c in running), *beside]))
        # From the third fold on, one repetition of the best is kept possible: the spread over seeds needs it.
        spare = runs.first_seconds(_leader(runs, running).spec) if number >= 2 else 0.0
        if number and not fits(_cost(runs, set(group)) + spare):
            break
        for spec in group:
            if (value := runs.run(spec, number)) is not None:
                runs.scores.setdefault(spec, []).append(value)
        # Who failed on a fold has fewer values than folds, and nothing to compare.
        beside = [spec for spec in beside if len(runs.scores.get(spec, ())) == number + 1]
        running = _staying(runs, [c for c in running if len(runs.scores.get(c.spec, ())) == number + 1])
        if not running:
            break
    return running


def _staying(runs: _FoldRuns, running: list[TrialRecord]) -> list[TrialRecord]:
    """Those within one paired standard error of the best mean."""
    if not running:
        return []
    best = _leader(runs, running)
    lead = runs.mean(best.spec)
    return [c for c in running if c is best or lead - runs.mean(c.spec) <= runs.paired_error(best.spec, c.spec)]


def _leader(runs: _FoldRuns, running: Sequence[TrialRecord]) -> TrialRecord:
    return max(running, key=lambda c: (runs.mean(c.spec), runs.plan.data.metric.sign * c.score))


def _preference(runs: _FoldRuns, contender: TrialRecord) -> tuple[float, float, float]:
    """Lower is better: operations for one image through the whole network, then the mean, then the validation."""
    plan = runs.plan
    work = plan.costs.facts[plan.space.of(contender.spec)].cuts[-1].work
    return work, -runs.mean(contender.spec), -plan.data.metric.sign * contender.score


def _repeat(runs: _FoldRuns, spec: TrialSpec, fits: Callable[[float], bool]) -> None:
    """The winner again on the first fold with other seeds; a linear probe has no seed that matters."""
    if spec.is_linear_probe or not runs.scores.get(spec):
        return
    for repeat in range(1, REPEATS + 1):
        if not fits(runs.first_seconds(spec)):  # another seed is another model
            return
        if (value := runs.run(spec, 0, repeat)) is not None:
            runs.repeated.setdefault(spec, []).append(value)


def _summary(runs: _FoldRuns, spec: TrialSpec) -> Confirmed:
    values = runs.scores[spec]
    seeds = [values[0], *runs.repeated.get(spec, ())]
    spread = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else None
    mean, error = float(np.mean(values)), runs.error(spec)
    return Confirmed(mean=mean, folds=len(values), seed_spread=spread, sampling_error=error)
