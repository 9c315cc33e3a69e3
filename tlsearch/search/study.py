"""The search proper: Optuna proposes, the worker tries, and everything the loop knows comes from finished trials.

Because the loop's whole state (known specs, rivals for pruning, views made, the next seed, the next entry of the warm
start) is read from the study's finished trials, a study that was stopped goes on exactly as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tlsearch.search.cost import Costs
from tlsearch.search.failures import all_fail, left_out_plugins, plugins_of
from tlsearch.search.space import Params, SearchSpace
from tlsearch.search.storage import sign_of
from tlsearch.search.trial_record import TrialRecord, remember, remembered
from tlsearch.types import Decision, NumberedEpochJudge, TrialResult, TrialSpec

if TYPE_CHECKING:
    import optuna

SKIPS_IN_A_ROW = 30
"""Proposals that lead to no trial (known already, too long for the time left) before the search ends."""

RunTrial = Callable[[int, TrialSpec, NumberedEpochJudge], TrialResult]
"""Runs the n-th trial (from 1)."""

OnFinished = Callable[[TrialRecord], None]

_WARM_START = "warm_start"
"""The user attribute of a trial of the warm start: the number of its entry."""

_INTERRUPTED = "interrupted"
"""The user attribute of the study that lists the trials in which a process was stopped."""


class Search:
    """A study of TrialSpecs."""

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace,
        costs: Costs,
        may_run: Callable[[TrialSpec], bool],
        affordable: Callable[[TrialSpec], bool],
    ) -> None:
        """Open the search on a study, which may hold trials of an earlier process.

        Args:
            study: Optuna's study.
            space: What may be tried.
            costs: What trials cost; it learns of the views that trials make.
            may_run: Whether a trial fits the time that is left.
            affordable: Whether one trial may take as long.
        """
        self.study, self.space, self.costs = study, space, costs
        self._may_run, self._affordable = may_run, affordable
        self._tight = False
        self._distributions = space.distributions()
        self._warm_start: Sequence[Params] = ()
        self._interrupted: set[int] = set(study.user_attrs.get(_INTERRUPTED, ()))
        self.finished: list[TrialRecord] = remembered(study.get_trials(deepcopy=False))
        self._known = {f.spec: f for f in reversed(self.finished)}
        for trial in self.finished:
            self._note_views(trial)

    def begin_with(self, entries: Sequence[Params]) -> None:
        """Put the warm start in front: these are tried first, each once in the life of a study."""
        self._warm_start = entries

    def run(self, trials: int, run_trial: RunTrial, on_finished: OnFinished) -> str:
        """Run until ``trials`` are finished.

        Returns:
            Why it ended: "trials", "time", "space", "plugins" or "failures".
        """
        self._close_interrupted()
        skips, why = 0, "space"
        while len(self.finished) < trials:
            trial, spec = self._ask()
            known = self._known.get(spec)
            if known is not None:
                self._tell_known(trial, known)
            elif not plugins_of(spec).isdisjoint(self.left_out()):
                why = "plugins"
                self._skip(trial, spec, "its plugin was left out")
            elif not self._affordable(spec) or not self._may_run(spec):
                why, self._tight = "time", True
                self._skip(trial, spec, "does not fit into the time")
            else:
                skips = 0
                on_finished(self._run_one(trial, spec, run_trial))
                if self._none_left():
                    return "plugins"
                if all_fail(self.finished):
                    return "failures"
                continue
            skips += 1
            if skips >= SKIPS_IN_A_ROW:
                return why
        return "trials"

    def best(self, count: int) -> list[TrialRecord]:
        """Give the ``count`` best complete trials, best first."""
        complete = [f for f in self.finished if f.state == "complete" and f.value is not None]
        # What a plugin that fails by now has made cannot be made again.
        left_out = set(self.left_out())
        complete = [f for f in complete if plugins_of(f.spec).isdisjoint(left_out)] or complete
        return sorted(complete, key=self._rank, reverse=True)[:count]

    def ranked(self) -> list[TrialRecord]:
        """Give all complete trials, best first; those of plugins that fail by now come last."""
        best = self.best(len(self.finished))
        others = [f for f in self.finished if f.state == "complete" and f.value is not None and f not in best]
        return [*best, *sorted(others, key=self._rank, reverse=True)]

    def best_on_all_folds(self) -> TrialRecord | None:
        """Give the best of the complete trials that ran on more folds than all trials have; None where there is none.

        Trials that are ranked on few images tie at the top, and luck decides among them. What has been measured on all
        images has a better claim.
        """
        shared = self.costs.trained_folds
        complete = [f for f in self.best(len(self.finished)) if len(f.fold_values) > shared]
        return max(complete, key=lambda f: sign_of(self.study) * f.score, default=None)

    def left_out(self) -> dict[str, str]:
        """Give the plugins that failed in the last trials that used them, three in a row, with the last reason."""
        return left_out_plugins(self.finished)

    def _rank(self, finished: TrialRecord) -> tuple[float, float, float]:
        return finished.rank(self.costs.operations(finished.spec), self.costs.trained_folds, sign_of(self.study))

    def _close_interrupted(self) -> None:
        """Close the trials in which an earlier process was stopped; each is then asked for anew.

        What was asked for in full is enqueued once more. Anything else is proposed once more: an entry of the warm
        start is still the next, and a closed trial does not count where the seed of a proposal is made.
        """
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._interrupted.add(trial.number)
            self.study.set_user_attr(_INTERRUPTED, sorted(self._interrupted))
            self.study.tell(trial.number, state=TrialState.FAIL)
            if _WARM_START not in trial.user_attrs and trial.params.keys() == self._distributions.keys():
                self.study.enqueue_trial(trial.params)

    def _ask(self) -> tuple[optuna.Trial, TrialSpec]:
        from tlsearch.search.sampler import CostAwareTPESampler

        trials = [t for t in self.study.get_trials(deepcopy=False) if t.number not in self._interrupted]
        asked = [t for t in trials if t.state.is_finished()]
        seed = int.from_bytes(hashlib.sha256(f"{self.space.seed}/{len(asked)}".encode()).digest()[:4], "big")
        self.study.sampler = CostAwareTPESampler(self._cost_of, seed)
        entry = 1 + max((t.user_attrs.get(_WARM_START, -1) for t in asked), default=-1)
        if len(asked) == len(trials) and entry < len(self._warm_start):  # nothing waits
            self.study.enqueue_trial(self._warm_start[entry], user_attrs={_WARM_START: entry})
        trial = self.study.ask(self._distributions)
        return trial, self.space.spec(trial.params)

    def _cost_of(self, params: Params) -> float:
        """The operations of a proposal; infinite for what is not wanted.

        That is what was tried already, where one trial may not take as long, and, once a proposal has not fitted into
        the time that is left, where this one does not either.
        """
        neutral = self.space.params(self.space.candidates[0])
        spec = self.space.spec({**neutral, **params})
        possible = spec not in self._known and self._affordable(spec) and (not self._tight or self._may_run(spec))
        possible = possible and plugins_of(spec).isdisjoint(self.left_out())
        return self.costs.operations(spec) if possible else math.inf

    def _run_one(self, trial: optuna.Trial, spec: TrialSpec, run_trial: RunTrial) -> TrialRecord:
        from tlsearch.search.pruner import SameKindPruner

        shares: dict[int, float] = {}
        curve: list[tuple[float, float]] = []
        self.study.pruner = SameKindPruner(spec.kind, self.finished, shares)

        def judge(number: int, numbers: Mapping[str, float]) -> Decision:
            shares[number] = numbers["fraction"]
            curve.append((numbers["fraction"], numbers["objective"]))
            trial.report(numbers["objective"], number)
            return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

        number = len(self.finished) + 1
        finished = TrialRecord.of(number, spec, run_trial(number, spec, judge), curve)
        self._tell(trial, finished)
        return finished

    def _tell(self, trial: optuna.Trial, finished: TrialRecord) -> None:
        from optuna.trial import TrialState

        remember(trial, finished)
        self.finished.append(finished)
        self._known.setdefault(finished.spec, finished)
        self._note_views(finished)
        if finished.state == "complete" and finished.value is not None:
            self.study.tell(trial, finished.compared(self.costs.trained_folds))
        else:
            # A pruned or timed-out trial tells TPE what it had reached; a failed one tells it nothing.
            failed = finished.state == "failed" or not finished.curve
            self.study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def _tell_known(self, trial: optuna.Trial, known: TrialRecord) -> None:
        """Tell Optuna the value of a spec that was tried already: it is neither trained again nor counted."""
        from optuna.trial import TrialState

        trial.set_user_attr("same_as", known.number)
        if known.value is not None:
            self.study.tell(trial, known.compared(self.costs.trained_folds))
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _skip(self, trial: optuna.Trial, spec: TrialSpec, why: str) -> None:
        from optuna.trial import TrialState

        trial.set_user_attr("skipped", f"{spec.label}: {why}")
        self.study.tell(trial, state=TrialState.FAIL)

    def _note_views(self, finished: TrialRecord) -> None:
        if finished.state != "failed":
            self.costs.remember(finished.spec)

    def _none_left(self) -> bool:
        left_out = self.left_out()
        return all(f"backbone {candidate.backbone}" in left_out for candidate in self.space.candidates)
