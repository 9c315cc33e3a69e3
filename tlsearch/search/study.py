"""The search proper: Optuna proposes, the worker tries, and everything the loop knows comes from finished trials.

Because the loop's whole state (known specs, rivals for pruning, views made, the next seed, the next entry of the warm
start) is read from the study's finished trials, a study that was stopped goes on exactly as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tlsearch.search.cost import Costs
from tlsearch.search.enough import EarlyStop
from tlsearch.search.failures import all_fail, left_out_plugins, plugins_of
from tlsearch.search.reach import Choice, can_win, kind_of
from tlsearch.search.rounds import WARM_START, AskedTrial, Entry, Rounds, RunRound
from tlsearch.search.space import Params, SearchSpace
from tlsearch.search.storage import sign_of
from tlsearch.search.trial_record import TrialRecord, remember, remembered, skip, tell_known
from tlsearch.types import SearchEnd, TrialSpec

if TYPE_CHECKING:
    import optuna

SKIPS_IN_A_ROW = 30
"""Proposals that lead to no trial (known already, too long for the time left) before the search ends."""

OnFinished = Callable[[TrialRecord], None]


class Search:
    """A study of TrialSpecs."""

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace,
        costs: Costs,
        may_run: Callable[[TrialSpec], bool],
        affordable: Callable[[TrialSpec], bool],
        round_size: int = 1,
    ) -> None:
        """Open the search on a study, which may hold trials of an earlier process.

        Args:
            study: Optuna's study.
            space: What may be tried.
            costs: What trials cost; it learns of the views that trials make.
            may_run: Whether a trial fits the time that is left.
            affordable: Whether one trial may take as long.
            round_size: The number of trials that are asked for before any of them is told.
        """
        self.study, self.space, self.costs, self.round_size = study, space, costs, round_size
        self._may_run, self._affordable = may_run, affordable
        self.choice = Choice()
        self._tight = False
        self._why: SearchEnd = "space"
        self._distributions = space.distributions()
        self._warm_start: Sequence[Params] = ()
        self.early_stop: EarlyStop | None = None
        self._rounds = Rounds(study)
        self._asked: dict[TrialSpec, AskedTrial] = {}  # of the present round
        whole = [t for t in study.get_trials(deepcopy=False) if t.number not in self._rounds.interrupted]
        self.finished: list[TrialRecord] = remembered(whole)
        self._ranks: dict[int, tuple[float, float, float]] = {}
        self._since_told: dict[Hashable, Any] = {}  # what follows from the finished trials, until one more is told
        self._known = {f.spec: f for f in reversed(self.finished)}
        for trial in self.finished:
            self._note(trial)

    def begin_with(self, entries: Sequence[Params], early_stop: EarlyStop | None = None) -> None:
        """Put the warm start in front: these are tried first, each once in the life of a study.

        ``early_stop`` says when there have been enough trials; None runs all of them.
        """
        self._warm_start, self.early_stop = entries, early_stop

    def run(self, trials: int, run_round: RunRound, on_finished: OnFinished) -> SearchEnd:
        """Run until ``trials`` are finished. Gives why it ended: the time, where something did not fit into it."""
        self._rounds.close_interrupted()
        why: SearchEnd | None = None
        while not why and len(self.finished) < trials:
            asked = self._ask_rest()
            if not asked and self._is_enough():  # also where a process was stopped after its last trial
                return "enough"
            asked = asked or self._ask_round(min(self.round_size, trials - len(self.finished)))
            if not asked:
                return "time" if self._tight else self._why
            why = self._run_round(asked, run_round, on_finished)
            self._asked = {}
        return why or "trials"

    def _run_round(self, asked: Sequence[AskedTrial], run_round: RunRound, on_finished: OnFinished) -> SearchEnd | None:
        """Run a round and tell its trials.

        Returns:
            Why the search ends with it; None where it goes on. A round is always finished, so that which of its trials
            there are does not depend on how many run at once, and its last trial may still show that there is more.
        """
        why: SearchEnd | None = None
        with closing(run_round(asked)) as results:
            for item, result in zip(asked, results, strict=True):
                if result is None:
                    skip(item.trial, item.spec, "does not fit into the time")
                    continue
                finished = TrialRecord.of(item.number, item.spec, result, item.curve)
                self._tell(item.trial, finished)
                on_finished(finished)
                why = why or self._ended()
        return why

    def _ended(self) -> SearchEnd | None:
        """Why the search ends with the trial that was told last; None where it goes on."""
        left_out = self.left_out()
        if all(f"backbone {candidate.backbone}" in left_out for candidate in self.space.candidates):
            return "plugins"
        return "failures" if all_fail(self.finished) else None

    def _is_enough(self) -> bool:
        """Whether the warm start is over, and more trials could gain less than can be seen."""
        if self.early_stop is None:
            return False
        entries = [t.user_attrs.get(WARM_START, -1) for t in self.study.get_trials(deepcopy=False)]
        begun = max(entries, default=-1) + 1 >= len(self._warm_start)
        return begun and self.early_stop.is_enough(self.values)

    @property
    def values(self) -> list[float]:
        """The values of complete trials on the folds that all have, of which the greater are better."""
        sign, shared = sign_of(self.study), self.costs.trained_folds
        complete = [f for f in self.finished if f.state == "complete" and f.value is not None]
        return [sign * f.compared(shared) for f in self.choice.among(complete)]

    def best(self, count: int, *untold: TrialRecord) -> list[TrialRecord]:
        """Give the ``count`` best complete trials, best first, as if ``untold`` ones were told."""
        if untold:
            return self._ordered([*self.finished, *untold])[:count]
        ordered: list[TrialRecord] = self._once(("best", self.choice), lambda: self._ordered(self.finished))
        return ordered[:count]

    def _ordered(self, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Those that are complete, best first."""
        complete = [f for f in trials if f.state == "complete" and f.value is not None]
        if left_out := set(self.left_out()):  # what a plugin that fails by now has made cannot be made again
            complete = [f for f in complete if plugins_of(f.spec).isdisjoint(left_out)] or complete
        return sorted(self.choice.among(complete), key=self._rank, reverse=True)

    def _once(self, name: Hashable, compute: Callable[[], Any]) -> Any:
        """What ``compute`` gives, computed once until one more trial is told."""
        if name not in self._since_told:
            self._since_told[name] = compute()
        return self._since_told[name]

    def ranked(self) -> list[TrialRecord]:
        """Give all complete trials, best first; those of plugins that fail by now, and what may not ship, come last."""
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
        found: dict[str, str] = self._once("left out", lambda: left_out_plugins(self.finished))
        return found

    def _rank(self, finished: TrialRecord) -> tuple[float, float, float]:
        known, costs = self._ranks.get(finished.number), self.costs
        return known or finished.rank(costs.operations(finished.spec), costs.trained_folds, sign_of(self.study))

    def _ask_rest(self) -> list[AskedTrial]:
        """Ask once more for what an earlier process has not told of its last round; mostly for nothing."""
        finished_before, entries = self._rounds.rest()
        for entry in entries:
            trial, spec = self._ask_again(entry)
            if self._fits(spec):
                self._asked[spec] = self._new(trial, spec, finished_before)
            else:
                skip(trial, spec, "does not fit into the time")
        if entries:
            self._rounds.begin([*self._asked.values()], finished_before)
        return [*self._asked.values()]

    def _ask_round(self, size: int) -> list[AskedTrial]:
        """Ask for trials until there are ``size`` to be run, or nothing new is proposed."""
        finished_before, skips = len(self.finished), 0
        while len(self._asked) < size and skips < SKIPS_IN_A_ROW:
            trial, spec = self._ask()
            if self._passes_over(trial, spec):
                skips += 1
            else:
                skips = 0
                self._asked[spec] = self._new(trial, spec, finished_before)
        if self._asked:
            self._rounds.begin([*self._asked.values()], finished_before)
        return [*self._asked.values()]

    def _passes_over(self, trial: optuna.Trial, spec: TrialSpec) -> bool:
        """Whether a proposal leads to no trial; it is told then."""
        known = self._known.get(spec)
        if known is not None and not self._asked:
            tell_known(trial, known, self.costs.trained_folds)
        elif known is not None or spec in self._asked:
            skip(trial, spec, "it is tried already")
        elif not plugins_of(spec).isdisjoint(self.left_out()):
            self._why = "plugins"
            skip(trial, spec, "its plugin was left out")
        elif WARM_START not in trial.user_attrs and not self._can_win(spec):
            self._why = "reach"
            skip(trial, spec, "its kind has stayed too far behind")
        elif not self._fits(spec):
            self._tight = True
            skip(trial, spec, "does not fit into the time")
        else:
            return False
        return True

    def _can_win(self, spec: TrialSpec) -> bool:
        """Whether a proposal could be the best; the answer is the same for all of its kind."""
        folds, sign = self.costs.trained_folds, sign_of(self.study)
        of = "can win", kind_of(spec), self.choice, self.choice.may_ship(spec)
        return bool(self._once(of, lambda: can_win(spec, self.choice.rivals(spec, self.finished), folds, sign)))

    def _fits(self, spec: TrialSpec) -> bool:
        return self._affordable(spec) and self._may_run(spec)

    def _new(self, trial: optuna.Trial, spec: TrialSpec, finished_before: int) -> AskedTrial:
        """The next trial of the present round, which began when ``finished_before`` trials were told."""
        number = max((f.number for f in self.finished), default=0) + len(self._asked) + 1
        of = "rivals", finished_before, self.choice, self.choice.may_ship(spec)
        rivals = self._once(of, lambda: self.choice.rivals(spec, self.finished[:finished_before]))
        return AskedTrial(number=number, spec=spec, trial=trial, rivals=rivals)

    def _ask(self) -> tuple[optuna.Trial, TrialSpec]:
        from optuna.trial import TrialState

        from tlsearch.search.sampler import CostAwareTPESampler

        trials = self.study.get_trials(deepcopy=False)
        asked = [t for t in trials if t.number not in self._rounds.interrupted and t.state is not TrialState.WAITING]
        seed = int.from_bytes(hashlib.sha256(f"{self.space.seed}/{len(asked)}".encode()).digest()[:4], "big")
        self.study.sampler = CostAwareTPESampler(self._cost_of, seed, self._distributions)
        entry = 1 + max((t.user_attrs.get(WARM_START, -1) for t in asked), default=-1)
        if entry < len(self._warm_start):
            self.study.enqueue_trial(self._warm_start[entry], user_attrs={WARM_START: entry})
        trial = self.study.ask(self._distributions)
        return trial, self.space.spec(trial.params)

    def _ask_again(self, entry: Entry) -> tuple[optuna.Trial, TrialSpec]:
        """Ask for a trial in which a process was stopped, as it was asked for then."""
        number = entry["warm_start"]
        self.study.enqueue_trial(entry["params"], user_attrs={} if number is None else {WARM_START: number})
        trial = self.study.ask(self._distributions)
        return trial, self.space.spec(trial.params)

    def _cost_of(self, params: Params) -> float:
        """The operations of a proposal; infinite for what is not wanted.

        That is what was tried already, whose kind cannot win, where one trial may not take as long, and, once a
        proposal has not fitted into the time that is left, where this one does not either.
        """
        neutral = self.space.params(self.space.candidates[0])
        spec = self.space.spec({**neutral, **params})
        new = spec not in self._known and spec not in self._asked
        possible = new and self._affordable(spec) and (not self._tight or self._may_run(spec))
        possible = possible and plugins_of(spec).isdisjoint(self.left_out()) and self._can_win(spec)
        return self.costs.operations(spec) if possible else math.inf

    def _tell(self, trial: optuna.Trial, finished: TrialRecord) -> None:
        from optuna.trial import TrialState

        remember(trial, finished)
        self.finished.append(finished)
        self._since_told.clear()
        self._known.setdefault(finished.spec, finished)
        self._note(finished)
        if finished.state == "complete" and finished.value is not None:
            self.study.tell(trial, finished.compared(self.costs.trained_folds))
        else:
            # A pruned or timed-out trial tells TPE what it had reached; a failed one tells it nothing.
            failed = finished.state == "failed" or not finished.curve
            self.study.tell(trial, state=TrialState.FAIL if failed else TrialState.PRUNED)

    def _note(self, finished: TrialRecord) -> None:
        """Note what a trial that was told has made, and its rank: that stays, as all that it needs is made."""
        if finished.state != "failed":
            self.costs.remember(finished.spec)
        if finished.value is not None:
            self._ranks[finished.number] = self._rank(finished)
