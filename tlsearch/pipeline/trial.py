"""One trial from the parent's side: its MLflow run from start to end, its events, its failure if it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlsearch.data.split import Fold
from tlsearch.errors import PluginError, RunError, TrialError, WeightsError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.memory import within_memory
from tlsearch.tracking.entities import MAX_TAG_CHARS
from tlsearch.tracking.naming import STATUS_OF, curve_of, finals_of, note_of, params_of, tags_of
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Role, TrialResult, TrialSpec
from tlsearch.utils.files import is_full
from tlsearch.utils.signals import defer_interrupts

OnRound = Callable[[int, Mapping[str, float]], str]
"""Gets the number of the round (from 1) and its numbers; answers "continue" or "prune"."""


@dataclass(frozen=True)
class CompletedTrial:
    """A trial that is over, as it is kept: ``rounds`` are the numbers of every round, ``run_id`` is its MLflow run,
    ``extra`` are the metrics that it got beside its own."""

    result: TrialResult
    outcome: Outcome | None
    run_id: str
    rounds: tuple[Mapping[str, float], ...]
    extra: Mapping[str, float] = field(default_factory=dict)


def execute(
    context: RunContext,
    spec: TrialSpec,
    candidate: Candidate,
    folds: Sequence[Fold],
    role: Role,
    name: str,
    on_round: OnRound,
    seconds: float | None,
    step: str,
    extra: Callable[[TrialResult], Mapping[str, float]] | None = None,
) -> tuple[TrialResult, Outcome | None, str]:
    """Run a trial in the worker and record it; gives its result, its outcome and its MLflow run.

    Whatever goes wrong in the trial ends this trial only: the result then says "failed", with the reason. ``extra``
    gives metrics to be recorded beside those of the result. A trial that an earlier attempt at the run has finished is
    not run again; ``on_round`` hears its rounds.
    """
    kept = recall(context, spec, folds, role)
    if kept is not None:
        for number, numbers in enumerate(kept.rounds, 1):
            on_round(number, numbers)
        return kept.result, kept.outcome, kept.run_id
    open_run = ""
    try:
        with defer_interrupts():
            open_run = start_run(context, spec, candidate, role, name)
        keep = role == "confirmation"  # the same trial comes again, on the next fold
        tried = _try(context, open_run, spec, candidate, folds, on_round, seconds, step, keep=keep)
        beside = extra(tried.result) if extra else {}
        with defer_interrupts():
            context.checkpoint.put(_question(spec, folds, role), replace(tried, extra=beside))
            finish_run(context, tried.run_id, tried.result, beside)
            open_run = ""
    except KeyboardInterrupt:
        if open_run:
            context.unfinished.add(open_run)
            context.close_unfinished()
        raise
    return tried.result, tried.outcome, tried.run_id


def _try(
    context: RunContext,
    run_id: str,
    spec: TrialSpec,
    candidate: Candidate,
    folds: Sequence[Fold],
    on_round: OnRound,
    seconds: float | None,
    step: str,
    *,
    keep: bool,
) -> CompletedTrial:
    """Run a trial in the worker, its rounds recorded in the open MLflow run ``run_id``; with ``keep`` the worker keeps
    its compiled model."""
    heard = TrialListener(context, run_id, on_round, step)

    def run(seconds: float | None, batch_size: int | None, *, keep: bool) -> Outcome:
        arguments = {"candidate": candidate, "spec": spec, "folds": folds, "seconds": seconds}
        tried: Outcome = context.worker.trial("trial", heard, **arguments, batch_size=batch_size, keep=keep)
        return tried

    outcome: Outcome | None = None
    try:
        outcome = within_memory(run, spec, seconds, heard.once_more, keep=keep)
        result = outcome.result
    except (TrialError, RunError, PluginError, WeightsError) as error:
        if is_full(error):  # no fault of the trial, which can be run when there is room again
            raise
        result = TrialResult(
            spec, "failed", None, 0.0, reason=str(error), traceback=error.traceback, plugin=error.plugin
        )
    return CompletedTrial(result, outcome, run_id, tuple(heard.rounds))


class TrialListener:
    """Takes the events of a trial: keeps its rounds, records them in the MLflow run ``run_id``, and answers each with
    what ``on_round`` says."""

    def __init__(self, context: RunContext, run_id: str, on_round: OnRound, step: str) -> None:
        self.rounds: list[Mapping[str, float]] = []
        self._session, self._on_round = context, on_round
        self._curves, self._show = Curves(context, run_id), context.progress(step)
        self._before = 0

    def __call__(self, event: tuple[str, Any]) -> str:
        if event[0] != "epoch":
            self._show(event)
            return "continue"
        self.rounds.append(event[1])
        if len(self.rounds) <= self._before:
            return "continue"
        self._curves.add(event[1])
        return self._on_round(len(self.rounds), event[1])

    def once_more(self, why: str) -> None:
        """The trial begins anew: the rounds that were heard already are not told again."""
        self._session.reporter.warn(why)
        self._before = max(self._before, len(self.rounds))
        self.rounds.clear()


def recall(context: RunContext, spec: TrialSpec, folds: Sequence[Fold], role: Role) -> CompletedTrial | None:
    """A trial that an earlier attempt at the run has finished, its MLflow run closed where that was still to be done;
    None for any other."""
    kept: CompletedTrial | None = context.checkpoint.get(_question(spec, folds, role), CompletedTrial)
    if kept is not None and kept.run_id in context.unfinished:
        finish_run(context, kept.run_id, kept.result, kept.extra)
    return kept


def _question(spec: TrialSpec, folds: Sequence[Fold], role: Role) -> tuple[Any, ...]:
    return ("trial", role, spec, tuple(folds))


class Curves:
    """The learning curves of one run: its rounds come in order, fold after fold."""

    def __init__(self, context: RunContext, run_id: str) -> None:
        self._session, self._run_id = context, run_id
        self._fold, self._round, self._last = 1, 0, 0.0

    def add(self, numbers: Mapping[str, float]) -> None:
        """Record the numbers of a round, which are counted anew in every fold: MLflow's steps are whole numbers, and a
        round may be less than an epoch."""
        if numbers["epoch"] <= self._last:
            self._fold, self._round = self._fold + 1, 0
        self._round, self._last = self._round + 1, numbers["epoch"]
        points = curve_of(numbers, self._session.data.metric, self._fold)
        self._session.tracker.log_epoch(self._run_id, self._round, points)


def start_run(context: RunContext, spec: TrialSpec, candidate: Candidate, role: Role, name: str) -> str:
    """Open the MLflow run of a trial with its params and tags; the names of its frozen layers are one of these, or a
    file where they are too long for a tag."""
    context.close_unfinished()
    facts = context.facts.get(candidate)
    depth = spec.freeze_depth
    cut = facts.cuts[depth - 1] if facts and depth else None
    layers = cut.frozen_layers if cut else ()
    plugins = context.plugin_versions((spec.backbone, spec.policy, f"{spec.backbone}@{spec.weights}"))
    tags = tags_of(
        role,
        spec,
        plugins=plugins,
        fingerprint=context.data.index.fingerprint,
        seed=context.config.seed,
        search=context.output.name,
    )
    params = params_of(spec, cut.name if cut else "", len(layers))
    names = ", ".join(layers)
    fits = len(names) <= MAX_TAG_CHARS
    if names and fits:
        tags["frozen_layers"] = names
    run_id = context.tracker.start_child(context.parent_run, name, params, tags)
    if not fits:
        context.tracker.log_dict(run_id, {"frozen_layers": list(layers)}, "frozen_layers.json")
    return run_id


def finish_run(context: RunContext, run_id: str, result: TrialResult, extra: Mapping[str, float] | None = None) -> None:
    """Close the MLflow run of a trial with its final metrics, all at step 0, and the status that its state means.
    ``extra`` are further metrics; of them ``val_gain_over_baseline`` comes into the description."""
    context.unfinished.discard(run_id)
    metric, extra = context.data.metric, extra or {}
    final = {**finals_of(result, metric), **{name: float(f"{value:.5g}") for name, value in extra.items()}}
    note = note_of(result, metric, extra.get("val_gain_over_baseline"))
    context.tracker.finish(
        run_id,
        STATUS_OF[result.state],
        final,
        {"state": result.state, "mlflow.note.content": note},
        reason=result.reason,
        traceback=result.traceback,
    )
