"""Which trials the choice is among, where some may not be used: these inform the search, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec


def every_model(_: TrialSpec) -> bool:
    """Let every model be used."""
    return True


@dataclass(frozen=True)
class Choice:
    """Says by ``may_ship`` which configurations may be the model to use."""

    may_ship: Callable[[TrialSpec], bool] = every_model

    def among(self, trials: list[TrialRecord]) -> list[TrialRecord]:
        """Give those of ``trials`` that may be used; all where none may."""
        return [trial for trial in trials if self.may_ship(trial.spec)] or trials

    def rivals(self, spec: TrialSpec, trials: list[TrialRecord]) -> list[TrialRecord]:
        """Give those of ``trials`` that a trial of ``spec`` has to beat: where it may be used, only what may, too."""
        return [trial for trial in trials if self.may_ship(trial.spec)] if self.may_ship(spec) else trials
