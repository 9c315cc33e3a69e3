"""The search proper: Optuna proposes, the worker tries, and everything the loop knows comes from finished trials.

Because the loop's whole state (known specs, rivals for pruning, views made, the next seed) is read from the
study's finished trials, a study that was stopped goes on exactly as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tlsearch.search.cost import Costs
from tlsearch.search.pruner import Curve, should_prune
from tlsearch.search.space import Params, SearchSpace
from tlsearch.types import Decision, EpochNumbers, NumberedEpochJudge, TrialResult, TrialSpec

if TYPE_CHECKING:
    import optuna

SKIPS_IN_A_ROW = 30
"""Proposals that lead to no trial (known already, too long for the time left) before the search ends."""

FAILURES_IN_A_ROW = 3
"""After so many for one reason the search ends; after so many by one plugin it goes on without that."""

RunTrial = Callable[[int, TrialSpec, NumberedEpochJudge], TrialResult]
"""Runs the n-th trial (from 1); the judge wants the number of the round and its numbers."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the study remembers it."""

    number: int
    spec: TrialSpec
    state: str
    value: float | None
    val_loss: float
    seconds: float
    curve: Curve
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    fold_values: tuple[float, ...] = ()
    plugin: str = ""

    def compared(self, folds: int) -> float:
        """The mean over the first ``folds`` folds, which every trial has: so all are compared on the same images."""
        if self.value is None:
            return -math.inf
        return math.fsum(self.fold_values[:folds]) / folds if len(self.fold_values) > folds else self.value

    def rank(self, operations: float, folds: int) -> tuple[float, float, float]:
        """Higher is better: the value on the folds that every trial has, then lower log loss, then lower cost."""
        return (self.compared(folds), -self.val_loss, -operations)


def plugins_of(spec: TrialSpec) -> set[str]:
    """The plugins that a trial needs, kind and name."""
    augmentation = {f"augmentation {spec.policy}"} if spec.strength else set()
    return {f"backbone {spec.backbone}", *augmentation}


OnFinished = Callable[[TrialRecord], None]


class Search:
    """A study of TrialSpecs. ``may_run`` says whether a spec fits the time that is left."""

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace,
        costs: Costs,
        may_run: Callable[[TrialSpec], bool],
        affordable: Callable[[TrialSpec], bool],
    ) -> None:
        self.study, self.space, self.costs = study, space, costs
        self._may_run, self._affordable = may_run, affordable
        self._tight = False
        self._distributions = space.distributions()
        trials = study.get_trials(deepcopy=False)
        self.finished: list[TrialRecord] = [
            _remembered(t) for t in trials if t.state.is_finished() and "finished" in t.user_attrs
        ]
        # Trials in which an earlier process was stopped: taken up again before anything else is asked for.
        self._interrupted = [t for t in trials if t.state.name == "RUNNING"]
        self._known = {f.spec: f for f in reversed(self.finished)}
        for trial in self.finished:
            self._note_views(trial)

    def enqueue(self, entries: Sequence[Params]) -> None:
        """Put the warm start in front; once in the life of a study."""
        if "warm_start" not in self.study.user_attrs:
            # A process that was killed here has put in some of them.
            for params in entries[len(self.study.get_trials(deepcopy=False)) :]:
                self.study.enqueue_trial(params)
            self.study.set_user_attr("warm_start", len(entries))

    def run(self, trials: int, run_trial: RunTrial, on_finished: OnFinished) -> str:
        """Run until ``trials`` are finished; gives why it ended: "trials", "time", "space", "plugins" or
        "failures"."""
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
                if self._failing():
                    return "failures"
                continue
            skips += 1
            if skips >= SKIPS_IN_A_ROW:
                return why
        return "trials"

    def best(self, count: int) -> list[TrialRecord]:
        """The ``count`` best complete trials, best first."""
        complete = [f for f in self.finished if f.state == "complete" and f.value is not None]
        # What a plugin that fails by now has made cannot be made again.
        left_out = set(self.left_out())
        complete = [f for f in complete if plugins_of(f.spec).isdisjoint(left_out)] or complete
        return sorted(complete, key=self._rank, reverse=True)[:count]

    def left_out(self) -> dict[str, str]:
        """Plugins that failed in the last trials that used them, three in a row, with the last reason."""
        found = {}
        for plugin in {f.plugin for f in self.finished if f.plugin}:
            last = [f for f in self.finished if plugin in plugins_of(f.spec)][-FAILURES_IN_A_ROW:]
            if len(last) == FAILURES_IN_A_ROW and all(f.plugin == plugin for f in last):
                found[plugin] = last[-1].reason
        return found

    def _rank(self, finished: TrialRecord) -> tuple[float, float, float]:
        return finished.rank(self.costs.operations(finished.spec), self.costs.trained_folds)

    def _ask(self) -> tuple[optuna.Trial, TrialSpec]:
        from tlsearch.search.sampler import CostAwareTPESampler

        asked = len(self.study.get_trials(deepcopy=False, states=_finished_states()))
        seed = int.from_bytes(hashlib.sha256(f"{self.space.seed}/{asked}".encode()).digest()[:4], "big")
        self.study.sampler = CostAwareTPESampler(self._cost_of, seed)
        trial = self._take_up() if self._interrupted else self.study.ask(self._distributions)
        return trial, self.space.spec(trial.params)

    def _take_up(self) -> optuna.Trial:
        """A trial that was interrupted, with the parameters that it had; what was not suggested yet is, as ``ask``
        would have done."""
        import optuna

        trial = optuna.Trial(self.study, self._interrupted.pop(0)._trial_id)
        for name, distribution in self._distributions.items():
            trial._suggest(name, distribution)
        return trial

    def _cost_of(self, params: Params) -> float:
        """The operations of a proposal; infinite for what was tried already, where one trial may not take as long, and,
        once a proposal has not fitted into the time that is left, where this one does not either."""
        neutral = self.space.params(self.space.candidates[0])
        spec = self.space.spec({**neutral, **params})
        possible = spec not in self._known and self._affordable(spec) and (not self._tight or self._may_run(spec))
        possible = possible and plugins_of(spec).isdisjoint(self.left_out())
        return self.costs.operations(spec) if possible else math.inf

    def _run_one(self, trial: optuna.Trial, spec: TrialSpec, run_trial: RunTrial) -> TrialRecord:
        curve: list[tuple[float, float]] = []
        reported = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        rivals = [f.curve for f in self.finished if f.state == "complete" and f.spec.kind == spec.kind and f.curve]

        def judge(number: int, numbers: EpochNumbers) -> Decision:
            curve.append((numbers["fraction"], numbers["objective"]))
            if number not in reported:  # as they are where a trial is taken up again
                trial.report(numbers["objective"], number)
            prune = should_prune(numbers["fraction"], [o for _, o in curve], rivals)
            return Decision.PRUNE if prune else Decision.CONTINUE

        result = run_trial(len(self.finished) + 1, spec, judge)
        finished = TrialRecord(
            len(self.finished) + 1,
            spec,
            result.state,
            result.value,
            float(result.metrics.get("val_loss", math.inf)),
            result.seconds,
            tuple(curve),
            result.reason,
            dict(result.metrics),
            result.fold_values,
            result.plugin,
        )
        self._tell(trial, finished)
        return finished

    def _tell(self, trial: optuna.Trial, finished: TrialRecord) -> None:
        from optuna.trial import TrialState

        # One attribute, for each is a transaction of its own.
        trial.set_user_attr("finished", _attributes(finished))
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
        """A spec that was tried already is told its value, neither trained again nor counted."""
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

    def _failing(self) -> bool:
        last = self.finished[-FAILURES_IN_A_ROW:]
        return (
            len(last) == FAILURES_IN_A_ROW
            and all(f.state == "failed" for f in last)
            and len({f.reason for f in last}) == 1
            and last[0].plugin not in self.left_out()
        )

    def _none_left(self) -> bool:
        left_out = self.left_out()
        return all(f"backbone {candidate.backbone}" in left_out for candidate in self.space.candidates)


def _finished_states() -> tuple[Any, ...]:
    from optuna.trial import TrialState

    return (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def _attributes(finished: TrialRecord) -> dict[str, Any]:
    return {
        "number": finished.number,
        "spec": finished.spec.to_dict(),
        "state": finished.state,
        "value": finished.value,
        "val_loss": finished.val_loss if math.isfinite(finished.val_loss) else None,
        "seconds": finished.seconds,
        "curve": [list(point) for point in finished.curve],
        "reason": finished.reason,
        "metrics": {k: v for k, v in finished.metrics.items() if math.isfinite(v)},
        "fold_values": list(finished.fold_values),
        "plugin": finished.plugin,
    }


def _remembered(trial: optuna.trial.FrozenTrial) -> TrialRecord:
    kept = trial.user_attrs["finished"]
    loss = kept["val_loss"]
    return TrialRecord(
        kept["number"],
        TrialSpec.from_dict(kept["spec"]),
        kept["state"],
        kept["value"],
        math.inf if loss is None else loss,
        kept["seconds"],
        tuple((a, b) for a, b in kept["curve"]),
        kept["reason"],
        kept["metrics"],
        tuple(kept["fold_values"]),
        kept.get("plugin", ""),
    )
