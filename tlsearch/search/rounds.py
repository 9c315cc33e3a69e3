"""Rounds: trials that are asked for together and told in the order of their numbers, wherever and whenever they ran.

What is asked for next depends on the trials that were told, and on those of the same round that were asked for before
it, which count as bad ones until they are told (a constant liar). So the sequence of trials does not depend on how long
each took. A round of one trial is a search one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

from tlsearch.search.space import Params
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import Decision, EpochNumbers, TrialResult, TrialSpec

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner

WARM_START = "warm_start"
"""The user attribute of a trial of the warm start: the number of its entry."""

_INTERRUPTED = "interrupted"
"""The user attribute of the study that lists the trials in which a process was stopped."""

_ROUND = "round"
"""The user attribute of the study that holds the present round, once all of it was asked for."""


@dataclass(kw_only=True)
class AskedTrial:
    """A trial that was asked for and is not told yet.

    Attributes:
        number: Its number among the trials that are run, from 1.
        spec: What it computes.
        trial: Optuna's trial.
        rivals: The trials that were told before its round began: it is pruned by comparison with them alone.
        curve: (share of the schedule, objective) after each epoch so far.
    """

    number: int
    spec: TrialSpec
    trial: optuna.Trial
    rivals: Sequence[TrialRecord]
    curve: list[tuple[float, float]] = field(default_factory=list)
    _shares: dict[int, float] = field(default_factory=dict)

    @cached_property
    def pruner(self) -> BasePruner:
        """What compares it with its rivals."""
        from tlsearch.search.pruner import SameKindPruner

        return SameKindPruner(self.spec.kind, self.rivals, self._shares)

    def judge(self, number: int, numbers: EpochNumbers) -> Decision:
        """Decide after epoch ``number``, from 1 and counted on through all folds, whether the trial goes on."""
        self._shares[number] = numbers["fraction"]
        self.curve.append((numbers["fraction"], numbers["objective"]))
        # The trials of a round share one study, and each has rivals and shares of its own.
        self.trial.study.pruner = self.pruner
        self.trial.report(numbers["objective"], number)
        return Decision.PRUNE if self.trial.should_prune() else Decision.CONTINUE


RunRound = Callable[[Sequence[AskedTrial]], Generator[TrialResult | None, None, None]]
"""Runs the trials of a round and gives their results in the order of their numbers.

None stands for a trial that was not run after all, for it would not have fitted into the time any more.
"""


class Entry(TypedDict):
    """A trial of a round as the study remembers it: its number in the study, and how it is asked for once more."""

    trial: int
    params: Params
    warm_start: int | None


class Rounds:
    """What a study remembers of its present round, and of the trials in which a process was stopped.

    A round is remembered before any of its trials is told. Where a process is stopped earlier than that, the round is
    asked for anew from its beginning; later, those of its trials that were not told are asked for as they were.

    Attributes:
        interrupted: The numbers, in the study, of trials in which a process was stopped. They count for nothing.
    """

    def __init__(self, study: optuna.Study) -> None:
        """Read what the study remembers."""
        self._study = study
        self.interrupted: set[int] = set(study.user_attrs.get(_INTERRUPTED, ()))

    def close_interrupted(self) -> None:
        """Close the trials that an earlier process has left open."""
        from optuna.trial import TrialState

        while self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.ask()  # takes it out of the queue, so that it is closed with the others
        trials = self._study.get_trials(deepcopy=False)
        running = [t.number for t in trials if t.state is TrialState.RUNNING]
        if not running:
            return
        lost = set(running)
        if not self._is_under_way(lost):
            # What the rest of a round was asked for with must be as it was when it began.
            lost = {t.number for t in trials if t.number >= running[0]}
        self.interrupted |= lost
        self._study.set_user_attr(_INTERRUPTED, sorted(self.interrupted))
        for number in running:
            self._study.tell(number, state=TrialState.FAIL)

    def _is_under_way(self, running: set[int]) -> bool:
        """Whether a process was stopped in the round that is remembered, and not while it asked for a later one."""
        lost = self.interrupted | running
        return any(entry["trial"] in lost for entry in self._remembered)

    @property
    def _remembered(self) -> list[Entry]:
        known: dict[str, Any] = self._study.user_attrs.get(_ROUND, {})
        entries: list[Entry] = known.get("asked", [])
        return entries

    def begin(self, asked: Sequence[AskedTrial], finished_before: int) -> None:
        """Remember a round that was asked for in full after ``finished_before`` trials were told."""
        entries = [
            Entry(trial=a.trial.number, params=a.trial.params, warm_start=a.trial.user_attrs.get(WARM_START))
            for a in asked
        ]
        self._study.set_user_attr(_ROUND, {"told": finished_before, "asked": entries})

    def rest(self) -> tuple[int, list[Entry]]:
        """Give what is left of a round in which a process was stopped, and how many trials were told before it."""
        entries = [entry for entry in self._remembered if entry["trial"] in self.interrupted]
        return (self._study.user_attrs[_ROUND]["told"] if entries else 0), entries
