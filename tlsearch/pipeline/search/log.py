"""What the search left: the study, the trials as the result keeps them, and who is confirmed."""

from __future__ import annotations

from dataclasses import dataclass, field

from tlsearch.pipeline import messages
from tlsearch.pipeline.at_use.use_budget import UseBudget
from tlsearch.pipeline.confirm import CONTENDERS
from tlsearch.results.schema import TrialRow
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import SearchEnd, TrialSpec


@dataclass(kw_only=True)
class SearchLog:
    """What the search left.

    Attributes:
        search: The study.
        rows: The trials as the result keeps them.
        outcomes: The outcomes of complete trials.
        why: Why it ended.
        use: What was asked of the model to use.
    """

    search: Search
    rows: list[TrialRow] = field(default_factory=list)
    outcomes: dict[TrialSpec, Outcome] = field(default_factory=dict)
    why: SearchEnd = "trials"
    use: UseBudget | None = None

    @property
    def enough(self) -> str:
        """What more trials could have gained, where the search ended for that; else empty."""
        rule = self.search.early_stop
        if self.why != "enough" or rule is None:
            return ""
        return messages.enough_trials(rule.expected_gain(self.search.values), rule.images)

    @property
    def selected_from(self) -> dict[TrialSpec, Outcome]:
        """The outcomes of those trials that the best was selected from.

        What may not be the model to use informs the search and is not selected, and neither is what a plugin has made
        that fails by now.
        """
        selected = {trial.spec for trial in self.search.best(len(self.search.finished))}
        return {spec: outcome for spec, outcome in self.outcomes.items() if spec in selected}

    @property
    def contenders(self) -> list[TrialRecord]:
        """The trials that are confirmed.

        They are the best on the folds that all trials have, and the best on all folds of those that have more. Where a
        small or a fast model is preferred, the best of every network that is smaller or faster than that of the best
        trial comes next to it: they may be as good.
        """
        best, thorough = self.search.best(CONTENDERS), self.search.best_on_all_folds()
        found = best if thorough is None or thorough in best else [*best, thorough]
        if self.use is None or not found:
            return found
        cheaper: dict[str, TrialRecord] = {}
        for trial in self.search.best(len(self.search.finished)):
            if self.use.is_cheaper(trial.spec, found[0].spec):
                cheaper.setdefault(f"{trial.spec.backbone}@{trial.spec.weights}", trial)
        return [found[0], *cheaper.values(), *(f for f in found[1:] if f not in cheaper.values())]
