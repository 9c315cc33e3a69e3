"""The race of the contenders: who stops, and which of those that cannot be told apart ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tlsearch.pipeline.confirm.fold_runs import FoldRun, FoldRuns
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec


@dataclass
class Race:
    """Fold after fold, until all folds are run or the time is used up."""

    runs: FoldRuns
    starters: Sequence[TrialRecord]
    probe: TrialRecord
    fits: Callable[[float], bool]

    def run(self) -> list[TrialRecord]:
        """Give the contenders that have not stopped; none where the time did not last for a comparison."""
        runs, folds = self.runs, range(len(self.runs.folds))
        running = [*self.starters, *([self.probe] if self._probe_races() else [])]
        for number in folds:
            # The probe goes on where it is out of the race, because it is what the winner is compared with.
            self._fold(number, list(dict.fromkeys([*(c.spec for c in running), self.probe.spec])))
            running = self._unbeaten([c for c in running if runs.scores.get(c.spec) and c.spec not in runs.failed])
            if number == 0 and self._is_cut_short():
                return []
            if number == 0:
                self._fold(0, [spec for spec in runs.scratch if self._leaves_time(spec, running)])
            if not running:
                return self._left_over()
        for number in folds[1:]:
            self._fold(number, list(runs.scratch))
        return running

    def _is_cut_short(self) -> bool:
        """Whether the time did not last for the first fold of all: then nothing is compared, and the search decides."""
        return any(not self.runs.scores.get(c.spec) and c.spec not in self.runs.failed for c in self.starters)

    def _probe_races(self) -> bool:
        """Whether the probe is one more contender: not where it is one already, or may not be used and others may."""
        may_ship, first = self.runs.plan.may_ship, self.starters[0]
        may_win = may_ship(self.probe.spec) or not may_ship(first.spec)
        return may_win and self.probe.spec not in {c.spec for c in self.starters}

    def _left_over(self) -> list[TrialRecord]:
        """Where all that stayed have failed: the best of those that had stopped."""
        raced = (*self.starters, *([self.probe] if self._probe_races() else []))
        stopped = [c for c in raced if c.spec in self.runs.scores and c.spec not in self.runs.failed]
        return [max(stopped, key=lambda c: self.runs.mean(c.spec))] if stopped else []

    def _fold(self, number: int, specs: Sequence[TrialSpec]) -> None:
        """Run what there is time for, and what has run on all folds before this one.

        After the first fold linear probes come first, which take a moment. The order does not depend on measured times,
        so that the same run has the same sequence of trials.
        """
        runs = self.runs
        due = [s for s in specs if len(runs.scores.get(s, ())) == number and s not in runs.failed]
        ordered = sorted(due, key=lambda spec: not spec.is_linear_probe) if number else due
        runs.run([FoldRun(spec=spec, fold=number, fits=partial(self._fits_on, spec, number)) for spec in ordered])

    def _fits_on(self, spec: TrialSpec, number: int) -> bool:
        """Whether there is time for a spec on a fold.

        From the third fold on, one repetition is kept possible: the spread over seeds needs it.
        """
        spare = 0.0 if number < 2 or spec.is_linear_probe else self.runs.first_seconds(spec)
        return self.fits(self.runs.seconds(spec) + spare)

    def _leaves_time(self, spec: TrialSpec, running: Sequence[TrialRecord]) -> bool:
        """Whether a network from scratch leaves time for the other folds of what is cheaper."""
        seconds, later = self.runs.seconds(spec), len(self.runs.folds) - 1
        cheaper = sum(taken for c in running if (taken := self.runs.seconds(c.spec)) < seconds)
        return self.fits(seconds + later * cheaper)

    def _unbeaten(self, running: list[TrialRecord]) -> list[TrialRecord]:
        unbeaten = [c for c in running if not any(self.runs.beats(other.spec, c.spec) for other in running)]
        # On unequal folds each may be beaten by another.
        return unbeaten or running


def choose(runs: FoldRuns, running: Sequence[TrialRecord]) -> tuple[TrialRecord, list[TrialRecord]]:
    """The one that ships, and those that are as good as far as can be told, in the order of preference.

    Of what nothing else is better than (``FoldRuns.is_better``), it is the cheapest and simplest.
    """
    level = level_of(runs, running)
    winner, *others = sorted(level, key=lambda c: preference(runs, c, level))
    return winner, others


def level_of(runs: FoldRuns, running: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Give those of which nothing else is better."""
    level = [c for c in running if not any(runs.is_better(other.spec, c.spec) for other in running)]
    return level or list(running)  # on unequal folds each may be behind another


def preference(
    runs: FoldRuns, contender: TrialRecord, staying: Sequence[TrialRecord]
) -> tuple[float, int, float, float]:
    """Give a key to sort by; lower is better.

    The operations for one image through the whole network come first, then how simple it is, then the mean over all
    folds that all have, those of the search included, then the validation.
    """
    spec, mean = contender.spec, runs.mean_in_common(contender.spec, [c.spec for c in staying])
    return runs.work(spec), complexity(spec), -mean, -runs.plan.data.metric.sign * contender.score


def complexity(spec: TrialSpec) -> int:
    """Give how far a configuration is from a plain linear probe.

    It is 0 for that itself, 1 for a linear probe on joined cuts or augmented images, 2 for a trained head and 3 for
    tuned layers.
    """
    if spec.is_linear_probe:
        return int(bool(spec.skip_cut or spec.strength))
    return 2 if spec.kind == "feature_extraction" else 3
