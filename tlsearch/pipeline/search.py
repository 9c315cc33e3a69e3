"""search: the study with its trials run, recorded and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import CONTENDERS, fold_seconds
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.keep import final_seconds, keep_best
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import Profile
from tlsearch.pipeline.trial import execute, recall
from tlsearch.results.schema.run import TrialRow
from tlsearch.search.space import Params
from tlsearch.search.storage import open_study, study_name
from tlsearch.search.study import Judge, Search, TrialRecord
from tlsearch.search.warm_start import warm_start
from tlsearch.tracking.naming import run_name
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec

MARGIN = 1.1
"""How much longer than estimated a trial may take and still end within the time that was left when it began."""

MOST_CONFIRMING = 1 / 3
"""Share of the time limit that one fold of confirmation may take; where the best trial needs more, it is not
confirmed, and the search uses the time."""


@dataclass
class TrialLog:
    """What the search left: the study, the rows for the result, the outcomes of complete trials, learning curves,
    and why it ended."""

    search: Search
    rows: list[TrialRow] = field(default_factory=list)
    outcomes: dict[TrialSpec, Outcome] = field(default_factory=dict)
    why: str = ""


def run_search(
    context: RunContext,
    plan: Plan,
    profile: Profile,
    best: Sequence[Candidate],
    baseline: BaselineResult | None,
) -> TrialLog:
    """Run the study until its trials or its time are used up."""

    def reserved() -> float:
        return reserved_seconds(context, plan, search, baseline)

    def needed(spec: TrialSpec) -> bool:
        """Without a linear probe there is nothing to prove: the first runs however late it is, and to its end."""
        return is_probe(spec) and best_probe(search.finished, plan) is None

    name = study_name(context.output, plan.space, context.data.index.fingerprint, context.data.metric, plan.folds)
    search = Search(
        open_study(name, context.output, context.config.storage),
        plan.space,
        plan.costs,
        may_run=lambda spec: (
            needed(spec) or context.budget.fits(MARGIN * plan.costs.seconds(spec) + reserved(), "rest")
        ),
        affordable=lambda spec: plan.cap is None or plan.costs.train_seconds(spec) <= plan.cap,
    )
    accuracies = {candidate: [p.accuracy for p in points] for candidate, points in profile.items()}

    def cost_of(params: Params) -> float:
        return plan.costs.operations(plan.space.spec(params))

    search.enqueue(warm_start(plan.space, accuracies, best, cost_of, context.config.effective_trials))
    log = TrialLog(search)
    _take_up(context, plan, log)

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        left = context.budget.left_for("rest")
        seconds = None if left is None or needed(spec) else left - reserved()
        return _run_trial(context, plan, log, baseline, number, spec, judge, seconds)

    left_out: set[str] = set()

    def on_finished(finished: TrialRecord) -> None:
        for plugin, reason in search.left_out().items():
            if plugin not in left_out:
                left_out.add(plugin)
                context.reporter.warn(f"{plugin} is left out from here on, for it failed in three trials: {reason}")
        if finished.state == "complete":
            keep_best(context, plan, search, finished)
        # After every trial, whatever became of it, so that the chart of the parent shows the search's progress.
        for top in search.best(1):
            name = f"best_val_{context.data.metric}"
            best = round(top.compared(plan.costs.trained_folds), 5)
            context.tracker.log_epoch(context.parent_run, finished.number, {name: best})

    log.why = search.run(context.config.effective_trials, run_trial, on_finished)
    return log


def _take_up(context: RunContext, plan: Plan, log: TrialLog) -> None:
    """Take over the trials that an earlier attempt at the run has finished, and its time."""
    for finished in log.search.finished:
        spec = finished.spec
        kept = recall(context, spec, plan.folds_of(spec), "trial")
        if kept is None:
            continue
        log.rows.append(_row(plan, finished.number, kept.result, kept.run_id))
        if kept.outcome is not None and kept.result.state == "complete":
            log.outcomes[spec] = kept.outcome


def reserved_seconds(context: RunContext, plan: Plan, search: Search, baseline: BaselineResult | None) -> float:
    """The seconds that the search leaves to what comes after it: confirmation, and the training of what ships.

    Before a suffix has been tuned there is little to confirm, and nothing is kept for it. Then confirmation gets its
    share of the time, or what one fold of the best trial so far takes if that is more. Where even that is more than a
    third of the limit, the networks from scratch are not confirmed beside it; where it still is, there will be no
    confirmation.
    """
    share = context.budget.share("confirm")
    if share is None:
        return 0.0
    scratch = scratch_of(baseline)
    final = final_seconds(context, plan, search.best(CONTENDERS), scratch)
    top, probe = search.best(1), best_probe(search.finished, plan)
    tuned = any(f.spec.kind == "fine_tuning" and f.state == "complete" for f in search.finished)
    if not tuned or probe is None:
        return final
    for beside in (scratch, ()):
        needed = fold_seconds(plan, context, top[0], probe, beside)
        if needed <= context.budget.most(MOST_CONFIRMING):
            return final + max(share, needed)
    return final


def best_probe(finished: Sequence[TrialRecord], plan: Plan) -> TrialRecord | None:
    """The best plain linear probe among the complete trials."""
    probes = [f for f in finished if f.state == "complete" and is_probe(f.spec)]
    return max(probes, key=lambda f: f.rank(plan.costs.operations(f.spec), plan.costs.folds), default=None)


def is_probe(spec: TrialSpec) -> bool:
    """Whether it is a plain linear probe: a linear probe on a candidate's last features, not augmented, not joined."""
    return spec.is_linear_probe and not spec.skip_cut and not spec.strength


def _row(plan: Plan, number: int, result: TrialResult, run_id: str) -> TrialRow:
    """The row of a trial; ``compared`` is left out where all trials run on the same folds."""
    row, few = TrialRow.of(number, "trial", result, run_id), plan.costs.trained_folds
    if result.value is None or few == len(plan.folds):
        return row
    return replace(row, compared=_mean(result.value, result.fold_values, few))


def _mean(value: float, fold_values: Sequence[float], folds: int) -> float:
    """The mean over the first ``folds`` folds of a trial."""
    return math.fsum(fold_values[:folds]) / folds if len(fold_values) >= folds > 0 else value


def _val_figures(result: TrialResult, scratch: TrialResult | None, probe: TrialRecord | None) -> dict[str, float]:
    """How far a trial's validation figure lies above those of the network from scratch and of the best linear probe so
    far, each on the folds that both have, where there are any. Where trials differ in their folds, ``val_compared``
    ranks them."""
    value, folds = result.value or 0.0, result.fold_values
    gains: dict[str, float] = {}
    if scratch is not None:
        alone = max(1, len(scratch.fold_values))  # the learning rates race on the first fold
        gains["baseline_val_accuracy"] = scratch.metrics["val_accuracy"]
        gains["val_gain_over_baseline"] = _mean(value, folds, alone) - (scratch.value or 0.0)
    if probe is not None and probe.value is not None:
        both = min(len(folds), len(probe.fold_values))
        gains["val_gain_over_linear_probe"] = _mean(value, folds, both) - _mean(probe.value, probe.fold_values, both)
    return gains


def _run_trial(
    context: RunContext,
    plan: Plan,
    log: TrialLog,
    baseline: BaselineResult | None,
    number: int,
    spec: TrialSpec,
    judge: Judge,
    seconds: float | None,
) -> TrialResult:
    top = log.search.best(1)
    so_far = f"best {top[0].value:.3f}  " if top and top[0].value is not None else ""
    total = context.config.effective_trials

    def on_round(count: int, numbers: Mapping[str, float]) -> str:
        show(numbers["fraction"], f": {numbers['objective']:.3f} after {numbers['fraction']:.0%}")
        return judge(count, numbers)

    def show(fraction: float, text: str) -> None:
        left = context.budget.left_for("confirm", "rest")
        context.reporter.progress("search", number - 1 + fraction, total, f"{so_far}{spec.label}{text}", left)

    show(0.0, "")

    def figures(result: TrialResult) -> dict[str, float]:
        if result.state != "complete" or result.value is None:
            return {}
        found = {"val_compared": row.compared} if (row := _row(plan, number, result, "")).compared is not None else {}
        scratch = baseline.result if baseline else None
        return {**found, **_val_figures(result, scratch, best_probe(log.search.finished, plan))}

    result, outcome, run_id = execute(
        context,
        spec,
        plan.space.of(spec),
        plan.folds_of(spec),
        "trial",
        run_name(number, total, spec.label),
        on_round,
        seconds,
        "search",
        figures,
    )
    log.rows.append(_row(plan, number, result, run_id))
    if outcome is not None and result.state == "complete":
        log.outcomes[spec] = outcome
    return result
