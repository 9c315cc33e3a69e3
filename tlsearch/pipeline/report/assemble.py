"""Everything that a run found, in one record."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

from tlsearch.config import CONFIG_NAME
from tlsearch.data.checks import check
from tlsearch.features.passes import FrozenCounts
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline import candidates
from tlsearch.pipeline.at_use.figures import use_figures
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate import predictions_of, worst_mistakes
from tlsearch.pipeline.insights import find_insights
from tlsearch.pipeline.plan import Plan, now
from tlsearch.pipeline.report.figures import linear_probe_of, metrics_of, networks_from_scratch
from tlsearch.pipeline.report.heat_maps import with_heat_maps
from tlsearch.pipeline.report.localise import with_localisation
from tlsearch.pipeline.report.step_results import StepResults
from tlsearch.pipeline.report.work import work_spans
from tlsearch.pipeline.search import SearchLog
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.report.verdict import verdict_of
from tlsearch.results import schema
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Epoch, FrozenWork, Histories
from tlsearch.search.failures import FAILURES_IN_A_ROW
from tlsearch.search.importance import parameter_importance
from tlsearch.utils.machine import usable_cores
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import GetVersions

MOST_CURVES = 6
"""Trials whose learning curves are kept."""

LIBRARIES = ("keras", "tensorflow", "optuna", "mlflow", "numpy", "scikit-learn", "pillow")


def assemble(context: RunContext, plan: Plan, record: MlflowCallback, found: StepResults, refitted: bool) -> RunResult:
    """Everything a run found, in one record."""
    winner = found.confirmation.winner
    rows = [*(found.baseline.rows if found.baseline else ()), *found.log.rows, *found.confirmation.rows]
    spec, outcome = winner.spec, found.log.outcomes.get(winner.spec)
    scratch = networks_from_scratch(found)
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
        metrics=metrics_of(plan, found),
        linear_probe=linear_probe_of(plan, found),
        baseline=scratch[0] if scratch else None,
        from_scratch=scratch,
        gain=found.evaluation.claims.gain,
        profile={candidate.label: points for candidate, points in found.profile.items()},
        trials=_numbered(use.with_costs(rows)),
        timings={**context.budget.timings, "total": context.budget.elapsed()},
        mlflow=record.place,
        versions=_versions(context.worker, plan),
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
        frozen_work=_frozen_work(context.passes, plan),
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


def _frozen_work(passes: Mapping[str, FrozenCounts], plan: Plan) -> tuple[FrozenWork, ...]:
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
        if (counts := passes.get(candidate.label)) is not None
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
        solve_apart=context.pool.solvers > 0,
        screened=plan.screened,
        tunes_layers=plan.space.tunes_layers,
    )


def _versions(worker: Worker, plan: Plan) -> dict[str, str]:
    """The versions of all that took part: libraries, the platform, and as in the tags of the record every plugin."""
    known = {**{name: version(name) for name in LIBRARIES}, "tlsearch": version("tlsearch")}
    plugins = {f"plugin.{name}": text for name, text in plan.plugin_versions().items()}
    system = {"python": sys.version.split()[0], "platform": f"{platform.platform()}, {usable_cores()} cores"}
    return {**known, **worker.send(GetVersions()), **system, **plugins}
