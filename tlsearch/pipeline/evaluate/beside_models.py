"""What is written beside the models that were tested: for sure probabilities, and to know pictures of another kind."""

from __future__ import annotations

from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.evaluate.calibrate import calibrate
from tlsearch.pipeline.evaluate.evaluation import Evaluation
from tlsearch.pipeline.evaluate.models import Models
from tlsearch.pipeline.evaluate.reference import keep_references
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.search import SearchLog
from tlsearch.search.trial_record import TrialRecord


def write_beside_models(
    context: RunContext,
    plan: Plan,
    models: Models,
    log: SearchLog,
    probe: TrialRecord,
    evaluation: Evaluation,
) -> None:
    """Write temperature and conformal scores beside every model, and the reference beside those that may be used."""
    confirmation, baseline = models.confirmation, models.baseline
    compared = {confirmation.winner.spec, probe.spec, *log.selected_from}
    outcomes = {spec: outcome for spec, outcome in log.outcomes.items() if spec in compared}
    calibrate(context, plan.data, outcomes, confirmation.winner.spec, probe.spec, baseline)
    keep_references(context, plan, confirmation, log.outcomes, baseline, evaluation.claims.gain)
