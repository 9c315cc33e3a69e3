"""The figures of the winner, of the linear probe and of the networks from scratch, as the result keeps them."""

from __future__ import annotations

from dataclasses import asdict

from tlsearch.pipeline.baseline import scratch_of
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.report.step_results import StepResults
from tlsearch.pipeline.saved_models import SCRATCH
from tlsearch.results import schema
from tlsearch.stats.scoring import interval_method


def metrics_of(plan: Plan, found: StepResults) -> schema.Metrics:
    """The figures of the winner, and how the test split was used."""
    claims, winner, metric = found.evaluation.claims, found.confirmation.winner, plan.data.metric
    return schema.Metrics(
        name=metric.name,
        val=winner.score,
        test=claims.winner.value,
        test_ci95=claims.winner.ci95,
        **asdict(found.evaluation.costs["winner"]),
        confirmed=found.confirmation.confirmed.get(winner.spec),
        corrected=found.confirmation.corrected,
        majority=claims.majority,
        test_opened=found.evaluation.opened,
        test_accuracy=found.evaluation.accuracy.value,
        test_accuracy_ci95=found.evaluation.accuracy.ci95,
        val_folds=len(plan.folds_of(winner.spec)),
        greater_is_better=metric.sign > 0,
        counts=metric.counts,
        meaning=metric.meaning,
        interval_method=interval_method(metric),
    )


def linear_probe_of(plan: Plan, found: StepResults) -> schema.LinearProbe:
    """The figures of the best plain linear probe."""
    probe, tested = found.probe, found.evaluation.claims.linear_probe
    return schema.LinearProbe(
        label=probe.spec.label,
        val=probe.score,
        test=tested.value,
        test_ci95=tested.ci95,
        confirmed=found.confirmation.confirmed.get(probe.spec),
        val_folds=len(plan.folds_of(probe.spec)),
        **asdict(found.evaluation.costs["linear_probe"]),
    )


def networks_from_scratch(found: StepResults) -> tuple[schema.Baseline, ...]:
    """Every network that was trained from scratch, the baseline first."""
    claims = found.evaluation.claims
    tested = [(run, found.evaluation.scratch.get(run.architecture)) for run in scratch_of(found.baseline)]
    tested[:1] = [(run, claims.baseline) for run, _ in tested[:1]]
    return tuple(
        schema.Baseline(
            architecture=run.architecture,
            seconds=run.seconds,
            epochs=run.epochs,
            stopped_by=run.stopped_by,
            still_improving=run.still_improving,
            val=run.result.score,
            test=estimate.value,
            test_ci95=estimate.ci95,
            not_affordable=run.not_affordable,
            confirmed=found.confirmation.confirmed.get(run.result.spec),
            no_claim=run.no_claim,
            whole_epochs=run.whole_epochs,
            rise=run.rise,
            **asdict(found.evaluation.costs["baseline" if number == 0 else f"{SCRATCH}{run.architecture}"]),
        )
        for number, (run, estimate) in enumerate(tested)
        if estimate is not None
    )
