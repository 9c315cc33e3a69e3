"""search: the study proposes trials; each is run, reported to the study, and kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlsearch.errors import RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline import messages
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import CONTENDERS, fold_seconds
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import Profile
from tlsearch.pipeline.saved_models import final_seconds, keep_best
from tlsearch.pipeline.trial import recall, run_trial
from tlsearch.results.schema import TrialRow
from tlsearch.search.space import Params
from tlsearch.search.storage import open_study, study_name
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.search.warm_start import warm_start
from tlsearch.tracking.naming import CURVE, run_name
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Decision, NumberedEpochJudge, TrialResult, TrialSpec

MARGIN = 1.1
"""How much longer than estimated a trial may take and still end within the time that was left when it began."""

MOST_CONFIRMING = 1 / 3
"""Share of the time limit that one fold of confirmation may take; where the best trial needs more, it is not
confirmed, and the search uses the time."""


@dataclass(kw_only=True)
class SearchLog:
    """What the search left.

    Attributes:
        search: The study.
        rows: The trials as the result keeps them.
        outcomes: The outcomes of complete trials.
        why: Why it ended.
    """

    search: Search
    rows: list[TrialRow] = field(default_factory=list)
    outcomes: dict[TrialSpec, Outcome] = field(default_factory=dict)
    why: str = ""

    @property
    def contenders(self) -> list[TrialRecord]:
        """The trials that are confirmed.

        They are the best on the folds that all trials have, and the best on all folds of those that have more.
        """
        best, thorough = self.search.best(CONTENDERS), self.search.best_on_all_folds()
        return best if thorough is None or thorough in best else [*best, thorough]


def search(
    context: RunContext,
    plan: Plan,
    record: MlflowCallback,
    profile: Profile,
    best: Sequence[Candidate],
    baseline: BaselineResult | None,
) -> tuple[SearchLog, TrialRecord]:
    """Run the study until its trials or its time are used up.

    Returns:
        What the search left, and the best plain linear probe.

    Raises:
        RunError: no trial was completed.
    """
    log = run_study(context, plan, record, profile, best, baseline)
    finished, contenders = log.search.finished, log.contenders
    probe = best_probe(finished, plan)
    if not contenders or probe is None:
        raise RunError(messages.nothing_found(finished, context.output))
    folds = len(plan.folds_of(contenders[0].spec)), len(plan.folds)
    context.callbacks.on_step("search", messages.search_line(finished, contenders[0], log.why, *folds))
    return log, probe


def run_study(
    context: RunContext,
    plan: Plan,
    record: MlflowCallback,
    profile: Profile,
    best: Sequence[Candidate],
    baseline: BaselineResult | None,
) -> SearchLog:
    """Run the study until its trials or its time are used up, whatever it finds."""
    with context.budget.measure("search"):
        return _Searching(context, plan, record, baseline).run(profile, best)


class _Searching:
    """The search while it goes on."""

    def __init__(
        self, context: RunContext, plan: Plan, record: MlflowCallback, baseline: BaselineResult | None
    ) -> None:
        self._context, self._plan, self._record, self._baseline = context, plan, record, baseline
        data = plan.data
        name = study_name(context.output, plan.space, data.index.fingerprint, data.metric.name, plan.folds)
        study = open_study(name, context.output, context.config.storage, greater_is_better=data.metric.sign > 0)
        self._search = Search(study, plan.space, plan.costs, may_run=self._may_run, affordable=plan.affords)
        self._log = SearchLog(search=self._search)
        self._left_out: set[str] = set()

    def run(self, profile: Profile, best: Sequence[Candidate]) -> SearchLog:
        """Start with what a good practitioner would try first, then let the study propose."""
        plan, trials = self._plan, self._context.config.effective_trials
        accuracies = {candidate: [p.accuracy for p in points] for candidate, points in profile.items()}

        def cost_of(params: Params) -> float:
            return plan.costs.operations(plan.space.spec(params))

        self._search.begin_with(warm_start(plan.space, accuracies, best, cost_of, trials))
        self._resume()
        self._log.why = self._search.run(trials, self._run_trial, self._on_finished)
        return self._log

    def _may_run(self, spec: TrialSpec) -> bool:
        """Whether a trial fits the time that is left."""
        needed = MARGIN * self._plan.costs.seconds(spec) + self._reserved()
        return self._needed(spec) or self._context.budget.fits(needed, "rest")

    def _needed(self, spec: TrialSpec) -> bool:
        """Without a linear probe there is nothing to prove: the first runs however late it is, and to its end."""
        return is_probe(spec) and best_probe(self._search.finished, self._plan) is None

    def _reserved(self) -> float:
        return reserved_seconds(self._context, self._plan, self._search, self._baseline)

    def _resume(self) -> None:
        """Take over the trials that an earlier attempt at the run has completed, and its time."""
        for finished in self._search.finished:
            kept = recall(self._context, self._trial(finished.number, finished.spec))
            if kept is not None:
                self._keep(finished.number, kept)

    def _trial(self, number: int, spec: TrialSpec, **more: Any) -> RunningTrial:
        total = self._context.config.effective_trials
        return RunningTrial(
            number=number,
            role="trial",
            name=run_name(number, total, spec.label),
            spec=spec,
            candidate=self._plan.space.of(spec),
            folds=self._plan.folds_of(spec),
            **more,
        )

    def _run_trial(self, number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        left = self._context.budget.left_for("rest")
        seconds = None if left is None or self._needed(spec) else left - self._reserved()

        def on_epoch(count: int, numbers: Mapping[str, float]) -> Decision:
            self._show(
                number, spec, numbers["fraction"], f": {numbers['objective']:.3f} after {numbers['fraction']:.0%}"
            )
            return judge(count, numbers)

        self._show(number, spec, 0.0, "")
        trial = self._trial(number, spec, seconds=seconds, extra=lambda result: self._figures(number, result))
        completed = run_trial(self._context, trial, on_epoch)
        self._keep(number, completed)
        return completed.result

    def _show(self, number: int, spec: TrialSpec, fraction: float, text: str) -> None:
        top = self._search.best(1)
        so_far = f"best {top[0].value:.3f}  " if top and top[0].value is not None else ""
        left = self._context.budget.left_for("confirm", "rest")
        total = self._context.config.effective_trials
        self._context.callbacks.on_progress("search", number - 1 + fraction, total, f"{so_far}{spec.label}{text}", left)

    def _keep(self, number: int, completed: CompletedTrial) -> None:
        result = completed.result
        self._log.rows.append(trial_row(self._plan, number, result, completed.run_id))
        if completed.outcome is not None and result.state == "complete":
            self._log.outcomes[result.spec] = completed.outcome

    def _figures(self, number: int, result: TrialResult) -> dict[str, float]:
        """Metrics that the record has beside those of the result."""
        if result.state != "complete" or result.value is None:
            return {}
        shared = trial_row(self._plan, number, result, "").value_on_shared_folds
        found = {"val_on_shared_folds": shared} if shared is not None else {}
        scratch = self._baseline.result if self._baseline else None
        probe = best_probe(self._search.finished, self._plan)
        return {**found, **val_figures(result, scratch, probe, self._plan.data.metric.sign)}

    def _on_finished(self, finished: TrialRecord) -> None:
        for plugin, reason in self._search.left_out().items():
            if plugin not in self._left_out:
                self._left_out.add(plugin)
                self._context.callbacks.on_warning(
                    f"{plugin} is left out from here on, for it failed in three trials: {reason}"
                )
        if finished.state == "complete":
            keep_best(self._context, self._plan, self._search, finished)
        # After every trial, whatever became of it, so that the chart of the parent shows the search's progress.
        for top in self._search.best(1):
            value = round(top.compared(self._plan.costs.trained_folds), 5)
            self._record.on_best(finished.number, f"{CURVE}/best_val_{self._plan.data.metric.name}", value)


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
    alone = sum(b.result.seconds for b in scratch)
    final = final_seconds(plan, search.best(CONTENDERS), alone, refit=context.config.refit)
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
    sign = plan.data.metric.sign
    return max(probes, key=lambda f: f.rank(plan.costs.operations(f.spec), plan.costs.folds, sign), default=None)


def is_probe(spec: TrialSpec) -> bool:
    """Whether it is a plain linear probe: a linear head on a candidate's last features, not augmented, not joined."""
    return spec.is_linear_probe and not spec.skip_cut and not spec.strength


def trial_row(plan: Plan, number: int, result: TrialResult, run_id: str) -> TrialRow:
    """The row of a trial; ``value_on_shared_folds`` is left out where all trials run on the same folds."""
    row, few = TrialRow.of(number, "trial", result, run_id), plan.costs.trained_folds
    if result.value is None or few == len(plan.folds):
        return row
    return replace(row, value_on_shared_folds=_mean(result.value, result.fold_values, few))


def _mean(value: float, fold_values: Sequence[float], folds: int) -> float:
    """The mean over the first ``folds`` folds of a trial."""
    return math.fsum(fold_values[:folds]) / folds if len(fold_values) >= folds > 0 else value


def val_figures(
    result: TrialResult, scratch: TrialResult | None, probe: TrialRecord | None, sign: float = 1.0
) -> dict[str, float]:
    """By how much a trial's validation figure is better than that of the network from scratch and of the best probe.

    ``sign`` is that of the metric. Each is taken on the folds that both have. Where trials differ in their folds,
    ``val_on_shared_folds`` ranks them.
    """
    if result.value is None:
        return {}
    value, folds = result.value, result.fold_values
    gains: dict[str, float] = {}
    if scratch is not None and scratch.value is not None:
        alone = max(1, len(scratch.fold_values))  # the learning rates are trained on the first fold
        gains["val_gain_over_baseline"] = sign * (_mean(value, folds, alone) - scratch.value)
    if probe is not None and probe.value is not None:
        both = min(len(folds), len(probe.fold_values))
        over = _mean(value, folds, both) - _mean(probe.value, probe.fold_values, both)
        gains["val_gain_over_linear_probe"] = sign * over
    return gains
