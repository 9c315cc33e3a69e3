"""What the steps of a run hand over to the report."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.evaluate import Evaluation, Models
from tlsearch.pipeline.profile import Profile
from tlsearch.pipeline.search import SearchLog
from tlsearch.search.trial_record import TrialRecord


@dataclass(frozen=True, kw_only=True)
class StepResults:
    """What the steps of a run found."""

    profile: Profile
    baseline: BaselineResult | None
    log: SearchLog
    probe: TrialRecord
    models: Models
    evaluation: Evaluation

    @property
    def confirmation(self) -> Confirmation:
        """What came of the contenders, with the model to use where something was asked of it."""
        return self.models.confirmation
