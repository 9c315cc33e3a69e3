"""report: everything is written down, in the output folder and in MLflow."""

from __future__ import annotations

import platform
import shlex
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from tlsearch.config import CONFIG_NAME
from tlsearch.data.checks import check
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline import candidates
from tlsearch.pipeline.at_use.figures import use_figures
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate import Evaluation, predictions_of, refit, worst_mistakes
from tlsearch.pipeline.insights import find_insights
from tlsearch.pipeline.plan import Plan, now
from tlsearch.pipeline.preflight import prune_shared_cache
from tlsearch.pipeline.profile import Profile
from tlsearch.pipeline.report.heat_maps import with_heat_maps
from tlsearch.pipeline.report.localise import with_localisation
from tlsearch.pipeline.report.record import complete_record, runs_in_order
from tlsearch.pipeline.report.work import work_spans
from tlsearch.pipeline.saved_models import SCRATCH
from tlsearch.pipeline.search import SearchLog
from tlsearch.report.html import write_report
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.report.verdict import verdict_of
from tlsearch.results import schema
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.results.schema import Epoch, FrozenWork, Histories
from tlsearch.search.failures import FAILURES_IN_A_ROW
from tlsearch.search.importance import parameter_importance
from tlsearch.search.trial_record import TrialRecord
from tlsearch.stats.scoring import interval_method
from tlsearch.tracking.sync import hint_at_sync
from tlsearch.utils.files import write_atomically
from tlsearch.utils.machine import usable_cores
from tlsearch.worker.protocol import GetVersions

REPORT_ERROR_FILE = "report-error.log"
"""The file in the output folder that says why there is no report."""

MOST_CURVES = 6
"""Trials whose learning curves are kept."""

LIBRARIES = ("keras", "tensorflow", "optuna", "mlflow", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True, kw_only=True)
class StepResults:
    """What the steps of a run found."""

    profile: Profile
    baseline: BaselineResult | None
    log: SearchLog
    probe: TrialRecord
    confirmation: Confirmation
    evaluation: Evaluation


def finished_result(context: RunContext) -> RunResult:
    """The result of a run that is over already."""
    context.callbacks.on_step("run", f"the run in {context.output} is finished; this is its result")
    hint_at_sync(context.callbacks.on_warning, context.output)
    result = read_result(context.output)
    context.callbacks.on_run_end(result)
    return result


def report(context: RunContext, plan: Plan, record: MlflowCallback, found: StepResults) -> RunResult:
    """Write everything down, in the output folder and in MLflow, and train the winner once more where that is asked."""
    refitted = context.config.refit and refit(context, plan, found.confirmation)
    with context.budget.measure("report"):
        result = assemble(context, plan, record, found, refitted)
        write_result(result, context.output)
        page = _page(context, plan, result)
        complete_record(context, plan, record, result, page, runs_in_order(found.log, found.confirmation))
    prune_shared_cache(context.config)
    context.callbacks.on_run_end(result)
    return result


def _page(context: RunContext, plan: Plan, result: RunResult) -> Path | None:
    """The page; None where it could not be made, which costs neither the result nor the record."""
    try:
        return write_report(result, context.output, plan.data.index.root)
    except Exception as error:
        log = context.output / REPORT_ERROR_FILE
        with suppress(OSError):
            write_atomically(log, traceback.format_exc())
        context.callbacks.on_warning(
            f"the report could not be made ({type(error).__name__}: {error}), all else is complete: {log} says where "
            f"it failed, and `tlsearch report {shlex.quote(str(context.output))}` tries again"
        )
        return None


def assemble(context: RunContext, plan: Plan, record: MlflowCallback, found: StepResults, refitted: bool) -> RunResult:
    """Everything a run found, in one record."""
    winner = found.confirmation.winner
    rows = [*(found.baseline.rows if found.baseline else ()), *found.log.rows, *found.confirmation.rows]
    spec, outcome = winner.spec, found.log.outcomes.get(winner.spec)
    scratch = _scratch(found)
    with context.budget.measure("insights"):
        insights = find_insights(context, plan.data, plan.space.of(spec), outcome, found.evaluation)
        mistakes = worst_mistakes(plan.data, outcome)
        insights = with_heat_maps(context, plan.data, insights, outcome, mistakes)
        insights = with_localisation(context, plan.data, insights)
    cut = plan.measured[plan.space.of(spec)].cuts.at(spec.freeze_depth)
    use = use_figures(plan, found.confirmation, found.evaluation, found.probe, found.baseline)
    result = RunResult(
        dataset=_dataset(plan.data),
        plan=_plan(context, plan, found.log),
        winner=schema.Winner.of(spec, cut.name if cut else "", cut.frozen_layers if cut else ()),
        metrics=_metrics(plan, found),
        linear_probe=_probe(plan, found),
        baseline=scratch[0] if scratch else None,
        from_scratch=scratch,
        gain=found.evaluation.claims.gain,
        profile={candidate.label: points for candidate, points in found.profile.items()},
        trials=_numbered(use.with_costs(rows)),
        timings={**context.budget.timings, "total": context.budget.elapsed()},
        mlflow=record.place,
        versions=_versions(context, plan),
        output=schema.Output(folder=str(context.output), refit="refit" if refitted else None, pictures=PICTURES_FOLDER),
        confusion=found.evaluation.confusion,
        predictions=predictions_of(plan.data, found.evaluation.probabilities),
        histories=Histories(
            tuple(outcome.result.history) if outcome else (),
            tuple(found.baseline.result.history) if found.baseline else (),
            _best_curves(found.log),
        ),
        mistakes=mistakes,
        insights=insights,
        importance=parameter_importance(found.log.search.study),
        frozen_work=_frozen_work(context, plan),
        at_use=use.at_use(found.confirmation.confirmed),
        work_spans=work_spans(context.pool),
        search_ended=found.log.why,
        command=shlex.join(["tlsearch", "run", "--config", str(context.output / CONFIG_NAME)]),
        started=context.checkpoint.get_or_compute(("started",), str, now),
    )
    return replace(result, verdict=verdict_of(result))


def _best_curves(log: SearchLog) -> dict[str, tuple[Epoch, ...]]:
    """The learning curves of the best trials that were trained in epochs, by number; of the better half only."""
    found: dict[str, tuple[Epoch, ...]] = {}
    ranked = log.search.best(len(log.search.finished))
    for finished in ranked[: -(-len(ranked) // 2)]:
        outcome = log.outcomes.get(finished.spec)
        if outcome is not None and outcome.result.history and len(found) < MOST_CURVES:
            found[str(finished.number)] = tuple(outcome.result.history)
    return found


def _frozen_work(context: RunContext, plan: Plan) -> tuple[FrozenWork, ...]:
    """What was counted, for every candidate whose pass was timed."""
    return tuple(
        FrozenWork(
            candidate=candidate.label,
            seconds_per_pass=facts.forward_seconds,
            images_read=counts.read.images,
            passes_read=counts.read.passes,
            images_asked=counts.asked.images,
            passes_asked=counts.asked.passes,
            images_computed=counts.computed.images,
            passes_computed=counts.computed.passes,
        )
        for candidate, facts in plan.measured.items()
        if (counts := context.passes.get(candidate.label)) is not None
    )


def _failed_plugins(log: SearchLog) -> list[schema.LeftOut]:
    return [
        schema.LeftOut(name, f"its plugin failed in {FAILURES_IN_A_ROW} trials in a row: {reason}")
        for name, reason in sorted(log.search.left_out().items())
    ]


def _numbered(rows: list[schema.TrialRow]) -> tuple[schema.TrialRow, ...]:
    """Rows with the numbers of the search kept and the others numbered after them."""
    later = 1 + max((row.number for row in rows if row.role == "trial"), default=0)
    numbered = []
    for row in sorted(rows, key=lambda row: row.role != "trial"):
        numbered.append(row if row.role == "trial" else replace(row, number=later))
        later += row.role != "trial"
    return tuple(numbered)


def _dataset(data: Data) -> schema.Dataset:
    index, split = data.index, data.split
    counts = {
        name: {c: sum(index.images[row].label == label for row in rows) for label, c in enumerate(index.classes)}
        for name, rows in (("train", split.train), ("val", split.val), ("test", split.test))
    }
    return schema.Dataset(
        path=str(index.root),
        fingerprint=index.fingerprint,
        classes=index.classes,
        counts=counts,
        skipped=index.skipped,
        findings=tuple(check(index, split)),
        resizing=data.resizing,
    )


def _plan(context: RunContext, plan: Plan, log: SearchLog) -> schema.PlanSummary:
    return schema.PlanSummary(
        candidates=candidates.planned(plan.space.candidates, context.config, plan.plugins),
        left_out=(*plan.left_out, *_failed_plugins(log)),
        steps=plan.space.steps,
        time_limit=context.budget.limit,
        seed=context.config.seed,
        metric=plan.data.metric.name,
        folds=len(plan.folds),
        workers=len(context.pool.workers),
        threads=context.pool.threads,
        round_size=plan.round_size,
        screened=plan.screened,
    )


def _metrics(plan: Plan, found: StepResults) -> schema.Metrics:
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
        interval_method=interval_method(metric),
    )


def _probe(plan: Plan, found: StepResults) -> schema.LinearProbe:
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


def _scratch(found: StepResults) -> tuple[schema.Baseline, ...]:
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


def _versions(context: RunContext, plan: Plan) -> dict[str, str]:
    """The versions of all that took part: libraries, the platform, and as in the tags of the record every plugin."""
    known = {**{name: version(name) for name in LIBRARIES}, "tlsearch": version("tlsearch")}
    plugins = {f"plugin.{name}": text for name, text in plan.plugin_versions().items()}
    system = {"python": sys.version.split()[0], "platform": f"{platform.platform()}, {usable_cores()} cores"}
    return {**known, **context.worker.send(GetVersions()), **system, **plugins}
