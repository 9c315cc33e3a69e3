"""From what the steps left to the RunResult that result.json holds."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from tlsearch.config import CONFIG_NAME
from tlsearch.data.checks import check
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.evaluate import Evaluation, worst_mistakes
from tlsearch.pipeline.insights import find
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.predictions import predictions_of
from tlsearch.pipeline.profile import Profile
from tlsearch.pipeline.search import TrialLog
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.results.result import RunResult
from tlsearch.results.schema import run as record
from tlsearch.results.schema.evidence import Epoch, Histories
from tlsearch.results.schema.search import FrozenWork
from tlsearch.search.importance import parameter_importance
from tlsearch.search.study import FAILURES_IN_A_ROW, TrialRecord

MOST_CURVES = 6
"""Trials whose learning curves are kept."""

LIBRARIES = ("keras", "tensorflow", "optuna", "mlflow", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Parts:
    """What the steps of a run left."""

    profile: Profile
    baseline: BaselineResult | None
    log: TrialLog
    probe: TrialRecord
    confirmation: Confirmation
    proof: Evaluation
    started: str
    refit: bool = False


def assemble(context: RunContext, plan: Plan, parts: Parts, versions: Mapping[str, str]) -> RunResult:
    """Everything a run found, in one record."""
    winner = parts.confirmation.winner
    rows = _numbered([*(parts.baseline.rows if parts.baseline else ()), *parts.log.rows, *parts.confirmation.rows])
    outcome = parts.log.outcomes.get(winner.spec)
    spec = winner.spec
    facts = context.facts[plan.space.of(spec)]
    scratch = _scratch(parts)
    with context.budget.measure("findings"):
        findings = find(context, plan.space.of(spec), outcome, parts.proof)
    cut = facts.cuts[spec.freeze_depth - 1] if spec.freeze_depth else None
    return RunResult(
        dataset=_dataset(context),
        plan=record.Plan(
            tuple(record.PlannedCandidate.of(c) for c in plan.space.candidates),
            (*plan.left_out, *_failed_plugins(parts.log)),
            plan.space.steps,
            context.budget.limit,
            context.config.seed,
            context.data.metric,
            len(plan.folds),
        ),
        winner=record.Winner.of(spec, cut.name if cut else "", cut.frozen_layers if cut else ()),
        metrics=_metrics(context, plan, parts),
        linear_probe=_probe(plan, parts),
        baseline=scratch[0] if scratch else None,
        scratch=scratch,
        gain=parts.proof.claims.gain,
        profile={candidate.label: points for candidate, points in parts.profile.items()},
        trials=rows,
        timings={**context.budget.timings, "total": context.budget.elapsed()},
        mlflow=record.Mlflow(
            context.tracker.uri,
            context.tracker.experiment_id,
            context.parent_run,
            context.tracker.ui_command,
            context.view,
        ),
        versions={**_versions(versions), **_plugin_versions(context, plan)},
        output=record.Output(str(context.output), refit="refit" if parts.refit else None, pictures=PICTURES_FOLDER),
        confusion=parts.proof.confusion,
        answers=predictions_of(context.data, parts.proof.probabilities),
        histories=Histories(
            tuple(outcome.result.history) if outcome else (),
            tuple(parts.baseline.result.history) if parts.baseline else (),
            _best_curves(parts.log),
        ),
        mistakes=worst_mistakes(context, outcome),
        findings=findings,
        importance=parameter_importance(parts.log.search.study),
        frozen_work=_frozen_work(context),
        command=shlex.join(["tlsearch", "run", "--config", str(context.output / CONFIG_NAME)]),
        started=parts.started,
    )


def _best_curves(log: TrialLog) -> dict[str, tuple[Epoch, ...]]:
    """The learning curves of the best trials that were trained in epochs, by number; of the better half only."""
    found: dict[str, tuple[Epoch, ...]] = {}
    ranked = log.search.best(len(log.search.finished))
    for finished in ranked[: -(-len(ranked) // 2)]:
        outcome = log.outcomes.get(finished.spec)
        if outcome is not None and outcome.result.history and len(found) < MOST_CURVES:
            found[str(finished.number)] = tuple(outcome.result.history)
    return found


def _frozen_work(context: RunContext) -> tuple[FrozenWork, ...]:
    """What was counted, for every candidate whose pass was timed."""
    return tuple(
        FrozenWork(
            candidate.label,
            facts.forward_seconds,
            counts.read.images,
            counts.read.passes,
            counts.asked.images,
            counts.asked.passes,
            counts.computed.images,
            counts.computed.passes,
        )
        for candidate, facts in context.facts.items()
        if (counts := context.passes.get(candidate.label)) is not None
    )


def _failed_plugins(log: TrialLog) -> list[record.LeftOut]:
    return [
        record.LeftOut(name, f"its plugin failed in {FAILURES_IN_A_ROW} trials in a row: {reason}")
        for name, reason in sorted(log.search.left_out().items())
    ]


def _numbered(rows: list[record.TrialRow]) -> tuple[record.TrialRow, ...]:
    """Rows with the numbers of the search kept and the others numbered after them."""
    from dataclasses import replace

    later = 1 + max((row.number for row in rows if row.role == "trial"), default=0)
    numbered = []
    for row in sorted(rows, key=lambda row: row.role != "trial"):
        numbered.append(row if row.role == "trial" else replace(row, number=later))
        later += row.role != "trial"
    return tuple(numbered)


def _dataset(context: RunContext) -> record.Dataset:
    index, split = context.data.index, context.data.split
    counts = {
        name: {c: sum(index.images[row].label == label for row in rows) for label, c in enumerate(index.classes)}
        for name, rows in (("train", split.train), ("val", split.val), ("test", split.test))
    }
    return record.Dataset(
        str(index.root), index.fingerprint, index.classes, counts, index.skipped, tuple(check(index, split))
    )


def _metrics(context: RunContext, plan: Plan, parts: Parts) -> record.Metrics:
    claims, winner = parts.proof.claims, parts.confirmation.winner
    return record.Metrics(
        context.data.metric,
        winner.value or 0.0,
        claims.winner.value,
        claims.winner.ci95,
        parts.proof.ms_per_image,
        parts.proof.megabytes,
        parts.confirmation.confirmed.get(winner.spec),
        majority=claims.majority,
        test_opened=parts.proof.opened,
        test_accuracy=parts.proof.accuracy.value,
        test_accuracy_ci95=parts.proof.accuracy.ci95,
        val_folds=len(plan.folds_of(winner.spec)),
    )


def _probe(plan: Plan, parts: Parts) -> record.LinearProbe:
    probe, tested = parts.probe, parts.proof.claims.linear_probe
    return record.LinearProbe(
        probe.spec.label,
        probe.value or 0.0,
        tested.value,
        tested.ci95,
        parts.confirmation.confirmed.get(probe.spec),
        len(plan.folds_of(probe.spec)),
    )


def _scratch(parts: Parts) -> tuple[record.Baseline, ...]:
    """Every network that was trained from scratch, the baseline first."""
    claims = parts.proof.claims
    tested = [(run, parts.proof.scratch.get(run.architecture)) for run in scratch_of(parts.baseline)]
    if tested:
        tested[0] = (tested[0][0], claims.baseline)
    return tuple(
        record.Baseline(
            run.architecture,
            run.seconds,
            run.epochs,
            run.stopped_by,
            run.still_improving,
            run.result.value or 0.0,
            estimate.value,
            estimate.ci95,
            run.not_affordable,
            confirmed=parts.confirmation.confirmed.get(run.result.spec),
        )
        for run, estimate in tested
        if estimate is not None
    )


def _plugin_versions(context: RunContext, plan: Plan) -> dict[str, str]:
    """Distribution and version of every plugin that took part, as in the tags of the record."""
    names = [c.backbone for c in plan.space.candidates] + [f"{c.backbone}@{c.weights}" for c in plan.space.candidates]
    versions = context.plugin_versions((*names, *plan.space.policies))
    return {f"plugin.{name}": version for name, version in versions.items()}


def _versions(worker: Mapping[str, str]) -> dict[str, str]:
    known = {name: version(name) for name in LIBRARIES}
    return {**known, **worker, "python": sys.version.split()[0], "platform": platform.platform()}
