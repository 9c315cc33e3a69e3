"""Runs on resampled folds: what they gave, how sure that is, and how long the next one takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from tlsearch.data.split import Fold
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.contention import note_contention
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.trial import note_pace
from tlsearch.pipeline.trials import WantedTrial, run_trials
from tlsearch.results.schema import TrialRow
from tlsearch.runs.pace import Estimated
from tlsearch.stats.scoring import fold_error, paired_fold_error
from tlsearch.stats.standard_errors import paired_error
from tlsearch.types import AnyArray, Candidate, LabelArray, TrialSpec
from tlsearch.worker.solved import is_solved_trial

VIEWS_FACTOR = 2
"""Confirmation renders this many times the views of a trial: few stored views flatter nobody twice."""

LEAD = 0.1
"""Paired standard errors by which a model must lead to ship in the place of a simpler one that costs as much at use."""

LEAD_OF_DEARER = 0.5
"""The same where the other costs less at use, which is worth more than that it is simple."""

FEWEST_FOLDS = 3
"""Folds that two must have in common before a lead is compared with its error."""


@dataclass(frozen=True, kw_only=True)
class FoldRun:
    """A spec on a fold.

    Attributes:
        spec: The spec as it was searched.
        fold: The number of the fold, from 0.
        fits: Whether there is time for it when it is about to begin.
        repeat: Which repetition with another seed it is; 0 is none.
    """

    spec: TrialSpec
    fold: int
    fits: Callable[[], bool]
    repeat: int = 0


@dataclass(kw_only=True)
class FoldRuns:
    """What runs, on which folds, and what came of it.

    Attributes:
        context: The run.
        plan: Its plan.
        folds: The resampled folds, the same for all.
        scratch: The networks from scratch that run beside the contenders.
        searched: The values that the search saw, by fold; one where there is a validation part.
        numbers: The numbers of the trials, as the names of runs show them.
        scores: Values by fold.
        repeated: The values of further seeds on the first fold.
        probabilities: Those of the images of each fold, shape (images, classes).
        took: Seconds by fold.
        rows: The trials that were run, as the result keeps them.
        failed: The specs that failed on a fold.
        left: Gives the seconds that a run may take which begins now; None without a limit.
    """

    context: RunContext
    plan: Plan
    folds: Sequence[Fold]
    scratch: Mapping[TrialSpec, BaselineResult]
    searched: Mapping[TrialSpec, Sequence[float]] = field(default_factory=dict)
    numbers: Mapping[TrialSpec, str] = field(default_factory=dict)
    scores: dict[TrialSpec, list[float]] = field(default_factory=dict)
    repeated: dict[TrialSpec, list[float]] = field(default_factory=dict)
    probabilities: dict[TrialSpec, list[AnyArray]] = field(default_factory=dict)
    took: dict[TrialSpec, list[float]] = field(default_factory=dict)
    rows: list[TrialRow] = field(default_factory=list)
    failed: set[TrialSpec] = field(default_factory=set)
    left: Callable[[], float | None] = lambda: None

    def seconds(self, spec: TrialSpec) -> float:
        """Seconds that a spec takes on its next fold."""
        took = self.took.get(spec, [])
        if not took:
            return self.first_seconds(spec)
        if len(took) == 1:  # on the first fold views are rendered and a model is compiled
            return min(took[0], self.first_seconds(spec))
        return float(np.median(took[1:]))  # and once more after a renewal of the worker process

    def first_seconds(self, spec: TrialSpec) -> float:
        """Seconds that a spec takes on its first fold, about, as the machine is now."""
        return self.context.budget.price(self._estimated(spec))

    def _estimated(self, spec: TrialSpec) -> float:
        """Seconds on a fold with the views that are still to be made, as they were estimated in the plan."""
        if spec in self.scratch:
            return self.scratch[spec].estimated_seconds
        return self.plan.costs.fold_seconds(spec) + self.plan.costs.view_seconds(more_views(spec))

    def comparison_seconds(self, spec: TrialSpec) -> float:
        """Seconds for the fewest folds on which a spec is compared with others, about."""
        if spec in self.scratch:
            return FEWEST_FOLDS * self.first_seconds(spec)
        each = self.context.budget.price(self.plan.costs.fold_seconds(spec))
        return self.first_seconds(spec) + (FEWEST_FOLDS - 1) * each

    def run(self, runs: Sequence[FoldRun]) -> None:
        """Run specs on folds, side by side where there are several workers, and keep their values."""
        wanted = [WantedTrial(prepare=partial(self._prepared, run), solved=is_solved_trial(run.spec)) for run in runs]
        with closing(run_trials(self.context, wanted)) as results:
            for run, found in zip(runs, results, strict=True):
                if found is not None:
                    self._keep(run, *found)

    def _prepared(self, run: FoldRun) -> RunningTrial | None:
        """The trial of a run that is about to begin; None where there is no time for it."""
        if not run.spec.is_linear_probe:
            note_contention(self.context, run.spec, run.fold, run.repeat)
        if not run.fits():
            return None
        spec, number, repeat = run.spec, run.fold, run.repeat
        what = f"fold {number + 1}" + (f", seed {repeat + 1}" if repeat else "")
        self.context.callbacks.on_progress("confirm", number, len(self.folds), f"{what}: {spec.label}")
        return RunningTrial(
            number=0,
            role="confirmation",
            name=f"confirm {self.numbers.get(spec, 'baseline')} {what.replace(',', '')} {spec.label}",
            spec=replace(more_views(spec), repeat=repeat),
            candidate=self._candidate(spec),
            folds=(self.folds[number],),
            step="confirm",
            seconds=self.left(),
            estimated=self._expected(spec, number),
        )

    def _expected(self, spec: TrialSpec, number: int) -> Estimated | None:
        if spec in self.scratch:
            return Estimated(before=0.0, training=self._estimated(spec))
        return self.plan.estimated(more_views(spec), (self.folds[number],))

    def _keep(self, run: FoldRun, trial: RunningTrial, completed: CompletedTrial) -> None:
        """Keep what came of a run."""
        result, outcome, spec = completed.result, completed.outcome, run.spec
        note_pace(self.context.budget.pace, completed)
        self.rows.append(TrialRow.of(len(self.rows) + 1, "confirmation", result, completed.run_id))
        if result.state != "complete" or result.value is None or outcome is None:
            if not run.repeat and result.state != "timed_out":  # which is as if there had been no time to begin
                self.failed.add(spec)
            return
        if spec not in self.scratch:
            self.plan.costs.remember(trial.spec)
        if run.repeat:
            self.repeated.setdefault(spec, []).append(result.value)
            return
        self.took.setdefault(spec, []).append(result.seconds)
        self.scores.setdefault(spec, []).append(result.value)
        self.probabilities.setdefault(spec, []).append(outcome.val_probabilities)

    def error(self, spec: TrialSpec) -> float:
        """The standard error of the mean of a spec; never 0, for images that were not seen may be wrong.

        It is taken over images, each with all folds that hold it. The spread of a handful of folds knows too little of
        itself: 1.96 of its errors held the truth less often than promised (benchmarks/decisions/claims.py).
        """
        found = self.probabilities[spec]
        return fold_error(self.plan.data.metric, np.concatenate(found), *self._images_of(len(found)))

    def both(self, one: TrialSpec, other: TrialSpec) -> tuple[Sequence[float], Sequence[float]]:
        """The values of two specs on the folds that both have run on."""
        values = self.scores.get(one, []), self.scores.get(other, [])
        folds = min(map(len, values))
        return values[0][:folds], values[1][:folds]

    def beats(self, one: TrialSpec, other: TrialSpec) -> bool:
        """Whether ``one`` lies more than one paired standard error ahead on the folds that both have run on."""
        pair = self.both(one, other)
        if not pair[0]:
            return False
        lead = self.plan.data.metric.sign * float(np.mean(pair[0]) - np.mean(pair[1]))
        return lead > 0 and lead > self._paired_error(one, other, pair)

    def is_better(self, one: TrialSpec, other: TrialSpec) -> bool:
        """Whether ``one`` is the one to ship of two, by everything that both have been measured on.

        That is the folds of the search and the resampled ones. On three folds or more it must lead by a share of a
        paired standard error, because a simpler or cheaper model is worth a little; on fewer folds such an error is so
        large that any lead counts. benchmarks/decisions/choice.py compares this with other rules.
        """
        searched = self.searched.get(one, ()), self.searched.get(other, ())
        common = min(map(len, searched))
        confirmed = self.both(one, other)
        first, second = ([*seen[:common], *again] for seen, again in zip(searched, confirmed, strict=True))
        if not first:
            return False
        lead = self.plan.data.metric.sign * float(np.mean(first) - np.mean(second))
        if len(first) < FEWEST_FOLDS:
            return lead > 0
        fold = self.folds[0] if self.folds else self.plan.data.fold
        share = LEAD_OF_DEARER if self.work(other) < self.work(one) else LEAD
        return lead > 0 and lead > share * paired_error(first, second, len(fold.val), len(fold.train))

    def _paired_error(self, one: TrialSpec, other: TrialSpec, pair: tuple[Sequence[float], Sequence[float]]) -> float:
        fold = self.folds[0]
        if len(pair[0]) > 1:
            return paired_error(*pair, len(fold.val), len(fold.train))
        predicted = self.probabilities[one][0], self.probabilities[other][0]
        return paired_fold_error(self.plan.data.metric, *predicted, *self._images_of(1))

    def mean(self, spec: TrialSpec) -> float:
        """The mean of a spec over its resampled folds with the sign of the metric: the greater is better."""
        values = self.scores.get(spec, ())
        return self.plan.data.metric.sign * float(np.mean(values)) if values else -np.inf

    def mean_in_common(self, spec: TrialSpec, others: Sequence[TrialSpec]) -> float:
        """The mean over folds of the search and resampled ones that all ``others`` have too; greater is better."""
        seen, again = (min(len(kept.get(s, ())) for s in (spec, *others)) for kept in (self.searched, self.scores))
        values = [*self.searched.get(spec, ())[:seen], *self.scores.get(spec, ())[:again]]
        return self.plan.data.metric.sign * float(np.mean(values)) if values else -np.inf

    def work(self, spec: TrialSpec) -> float:
        """The operations for one image through the whole network; many where they are not known."""
        if spec in self.scratch:
            network = self.plan.use.network_of(spec) if self.plan.use is not None else None
            return np.inf if network is None else network.work(spec)
        return self.plan.costs.facts[self.plan.space.of(spec)].cuts[-1].work

    def _images_of(self, folds: int) -> tuple[LabelArray, npt.NDArray[np.int64]]:
        """Labels and groups of the images of the first ``folds``, one after the other."""
        data, rows = self.plan.data, [row for fold in self.folds[:folds] for row in fold.val]
        return np.asarray(data.labels, np.intp)[rows], np.asarray(data.groups, np.int64)[rows]

    def _candidate(self, spec: TrialSpec) -> Candidate:
        known = self.scratch.get(spec)
        return known.candidate if known else self.plan.space.of(spec)


def more_views(spec: TrialSpec) -> TrialSpec:
    """The spec as it is confirmed: with twice its views."""
    return replace(spec, views=VIEWS_FACTOR * spec.views) if spec.strength else spec
