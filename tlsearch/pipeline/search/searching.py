"""The study proposes trials; each is run, reported to the study, and kept."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from tlsearch.errors import RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline import messages
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import Profile, tried_once
from tlsearch.pipeline.saved_models import drop_worse, keep_good
from tlsearch.pipeline.search.at_work import AtWork
from tlsearch.pipeline.search.figures import best_probe, is_probe, trial_row, val_figures
from tlsearch.pipeline.search.log import SearchLog
from tlsearch.pipeline.search.reserve import reserved_seconds
from tlsearch.pipeline.trial import note_pace, recall
from tlsearch.pipeline.trials import WantedTrial, run_trials
from tlsearch.search.enough import EarlyStop
from tlsearch.search.reach import Choice
from tlsearch.search.rounds import AskedTrial
from tlsearch.search.schedule import MARGIN
from tlsearch.search.space import Params
from tlsearch.search.storage import open_study, own_study_name, study_name
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.search.warm_start import warm_start
from tlsearch.tracking.trial_fields import CURVE, run_name
from tlsearch.types import Candidate, Decision, EpochNumbers, SearchEnd, TrialResult, TrialSpec
from tlsearch.utils.units import counted
from tlsearch.worker.pool import Worker
from tlsearch.worker.solved import is_solved_trial

_ENDED = ("search ended",)
"""What the checkpoint knows by this: why a search ended that has found something. A run that is resumed later asks for
no further trial, although what is proposed once more, with another seed, might fit into the time."""


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
        raise RunError(messages.nothing_found(finished, context.output, log.why))
    context.checkpoint.get_or_compute(_ENDED, SearchEnd, lambda: log.why)
    folds = len(plan.folds_of(contenders[0].spec)), len(plan.folds)
    context.callbacks.on_step("search", messages.search_line(finished, contenders[0], log.why, *folds, log.enough))
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


def _trials_to_train(plan: Plan, entries: Sequence[Params], trials: int) -> int:
    """The trials that it takes until something is trained, where so many train nothing; else 0."""
    specs = dict.fromkeys(plan.space.spec(params) for params in entries)
    first = next((number for number, spec in enumerate(specs, 1) if not spec.is_linear_probe), 0)
    return first if first > trials else 0


class _Searching:
    """The search while it goes on."""

    def __init__(
        self, context: RunContext, plan: Plan, record: MlflowCallback, baseline: BaselineResult | None
    ) -> None:
        self._context, self._plan, self._record, self._baseline = context, plan, record, baseline
        data = plan.data
        wanted = study_name(context.output, plan.space, data.index.fingerprint, data.metric.name, plan.folds)
        # The output folder may be called otherwise by the time that the run is resumed.
        name = context.checkpoint.get_or_compute(
            ("study",), str, lambda: own_study_name(wanted, context.config.storage)
        )
        study = open_study(name, context.output, context.config.storage, greater_is_better=data.metric.sign > 0)
        self._search = Search(study, plan.space, plan.costs, self._may_run, plan.affords, plan.round_size)
        self._search.choice = Choice(plan.may_ship)
        self._log = SearchLog(search=self._search, use=plan.use)
        self._left_out: set[str] = set()
        self._at_work = AtWork(context, self._search, self._left)

    def run(self, profile: Profile, best: Sequence[Candidate]) -> SearchLog:
        """Start with what a good practitioner would try first, then let the study propose."""
        plan, trials = self._plan, self._context.config.effective_trials
        accuracies = {candidate: [p.accuracy for p in points] for candidate, points in profile.items()}

        def cost_of(params: Params) -> float:
            return plan.costs.operations(plan.space.spec(params))

        entries = warm_start(plan.space, accuracies, best, cost_of, trials, tried_once(plan, best))
        if needed := _trials_to_train(plan, entries, trials):
            self._context.callbacks.on_warning(
                f"with {counted(trials, 'trial')} there are linear probes only, and nothing is trained: it takes "
                f"--trials {needed} until something is"
            )
        self._search.begin_with(entries, self._early_stop())
        self._resume()
        ended: SearchEnd | None = self._context.checkpoint.get(_ENDED, SearchEnd)
        self._log.why = ended or self._search.run(trials, self._run_round, self._on_finished)
        return self._log

    def _may_run(self, spec: TrialSpec) -> bool:
        """Whether a trial fits the time that is left."""
        budget = self._context.budget
        needed = MARGIN * budget.price(self._plan.costs.seconds(spec)) + self._reserved()
        return self._needed(spec) or budget.fits(needed, "rest")

    def _needed(self, spec: TrialSpec) -> bool:
        """Without a linear probe there is nothing to prove: the first runs however late it is, and to its end.

        Where some may not be used, so does the first that may.
        """
        if not is_probe(spec):
            return False
        known, may_ship = best_probe(self._search.finished, self._plan), self._plan.may_ship
        return known is None or (may_ship(spec) and not may_ship(known.spec))

    def _reserved(self) -> float:
        return reserved_seconds(self._context, self._plan, self._search, self._baseline)

    def _left(self) -> float | None:
        """The seconds that are left for trials; None without a limit."""
        left = self._context.budget.left_for("rest")
        return None if left is None else left - self._reserved()

    def _price_end(self) -> None:
        """Price the end of the run by the models that would be tested by now."""
        probe = best_probe(self._search.finished, self._plan)
        if probe is not None:
            self._context.budget.end = self._plan.end_price(self._search.best(1)[0].spec, probe.spec)

    def _resume(self) -> None:
        """Take over the trials that an earlier attempt at the run has completed, and its time."""
        for finished in self._search.finished:
            kept = recall(self._context, self._trial(finished.number, finished.spec))
            if kept is not None:
                self._keep(finished.number, kept)
        self._price_end()

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

    def _run_round(self, asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
        """Run the trials of a round, as many at once as there are workers."""
        with closing(run_trials(self._context, [self._wanted(item) for item in asked])) as results:
            for item, found in zip(asked, results, strict=True):
                self._at_work.end(item.number)
                if found is None:
                    yield None
                else:
                    self._keep(item.number, found[1])
                    yield found[1].result

    def _wanted(self, asked: AskedTrial) -> WantedTrial:
        number, spec = asked.number, asked.spec

        def prepare() -> RunningTrial | None:
            if self._plan.round_size > 1 and not self._may_run(spec):  # it may have had to wait for others
                return None
            seconds = None if self._needed(spec) else self._left()
            self._at_work.show(number, spec)
            return self._trial(
                number,
                spec,
                seconds=seconds,
                extra=lambda result: self._figures(number, result),
                estimated=self._plan.estimated(spec, self._plan.folds_of(spec)),
            )

        def judge(count: int, numbers: EpochNumbers) -> Decision:
            self._at_work.show(number, spec, numbers)
            return asked.judge(count, numbers)

        def fitted(result: TrialResult, worker: Worker) -> None:
            keep_good(self._context, self._plan, self._search, TrialRecord.of(number, spec, result, ()), worker)

        cost, solved = self._plan.costs.operations(spec), is_solved_trial(spec)
        return WantedTrial(prepare=prepare, judge=judge, fitted=fitted, cost=cost, solved=solved)

    def _keep(self, number: int, completed: CompletedTrial) -> None:
        result = completed.result
        note_pace(self._context.budget.pace, completed)
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
            drop_worse(self._context, self._plan, self._search)
        self._price_end()
        # After every trial, whatever became of it, so that the chart of the parent shows the search's progress.
        for top in self._search.best(1):
            value = round(top.compared(self._plan.costs.trained_folds), 5)
            self._record.on_best(finished.number, f"{CURVE}/best_val_{self._plan.data.metric.name}", value)

    def _early_stop(self) -> EarlyStop | None:
        """When the search may end early; the size of a gain that is worth anything is known of count metrics only."""
        config, plan = self._context.config, self._plan
        asked = config.trials is None if config.early_stop is None else config.early_stop
        if not asked:
            return None
        if plan.data.metric.counts is None:
            if config.early_stop:
                self._context.callbacks.on_warning(
                    "--early-stop changes nothing: which gain can be seen is known of scores that are made of counts "
                    f"only, and {plan.data.metric.name} is none of them"
                )
            return None
        images = sum(len(fold.val) for fold in plan.folds[: plan.costs.trained_folds])
        return EarlyStop(config.effective_trials, images)
