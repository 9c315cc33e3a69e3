"""baseline: the same task from random initial values, trained as well as the time allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from tlsearch.errors import OutOfMemoryError, OutOfTimeError, PluginFailedError
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.baseline.affordable import not_affordable
from tlsearch.pipeline.baseline.result import BaselineResult, not_learned, scratch_of
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.halving import RaceResult, halve
from tlsearch.pipeline.jobs import Job, run_jobs
from tlsearch.pipeline.measure import baseline_sizes, measure_small_network, open_pool
from tlsearch.pipeline.messages import baseline_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import model_folder, save_fitted
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS, costs_of, fair_epochs, share_of, sized_for
from tlsearch.results.schema import TrialRow
from tlsearch.search.cost import WHOLE_COMPILE_SECONDS, FromScratchCosts
from tlsearch.stats.trend import AGAIN, Rise, extrapolate, still_rising
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.schedule import amount_trained
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunSuccessiveHalving

__all__ = [
    "BaselineResult",
    "RaceResult",
    "scratch_of",
    "train_baseline",
]

RATES = (1e-3, 3e-3, 3e-4)
"""Learning rates that are tried; AdamW's usual one first."""

LATE = 1.2
"""How many times its time a network from scratch may take, where the machine has become slower since it was planned."""

TRIAL_ERRORS = (PluginFailedError, OutOfMemoryError, WorkerDiedError)
"""Failures that need not come again with another network, or without augmentation."""


def train_baseline(context: RunContext, plan: Plan, best: Candidate) -> BaselineResult | None:
    """Train the baseline where one is asked for; None where none is, or where there was no time for an epoch."""
    if context.config.baseline == "none":
        return None
    with context.budget.measure("baseline"):
        baseline = _train_baseline(context, plan, best)
    if baseline is None:
        context.callbacks.on_warning("no network is trained from scratch: there was no time left for an epoch")
        return None
    context.callbacks.on_step("baseline", baseline_line(baseline))
    return baseline


def _train_baseline(context: RunContext, plan: Plan, best: Candidate) -> BaselineResult | None:
    """Train from scratch: a small residual network, and the architecture of ``best`` where that is affordable.

    The better of the two on validation is the baseline. Learning rates are chosen by successive halving on the first
    fold. Where there is a validation part, the models are kept. None where the time was over before an epoch.
    """
    whole = context.budget.share("baseline")
    # In the seconds of the plan's estimates: on a machine that has become slower they are fewer.
    share = None if whole is None else share_of(plan.data, whole) / context.budget.pace.factor
    costs = _costs(plan)
    sizes = measure_small_network(context, plan.data, share, costs.render_seconds)
    if context.pool.repeats:  # every worker must know what the one that measured knows, such as the precision
        known = {facts.candidate: facts for facts in sizes}
        open_pool(context, plan.data, {**plan.measured, **known}, *baseline_sizes(plan.data.base_size))
    small = sized_for(sizes, costs, share)
    large = _same_architecture(plan, best)
    both = None if share is None else share / (1 if _is_side_by_side(context) else 2)
    reasons = not_affordable(context, plan, costs, large, both, _wanted_steps(context, plan))
    budget = share if reasons else both
    networks = [small] if reasons else [small, large]
    jobs = [_train(context, plan, facts, _steps(context, plan, facts, budget)) for facts in networks]
    runs, late = [], dict[str, OutOfTimeError]()
    with closing(run_jobs(context.pool, jobs)) as results:
        for facts, result in zip(networks, results, strict=True):
            try:
                runs.append(result.result())
            except OutOfTimeError as error:
                late[facts.candidate.backbone] = error
            except TRIAL_ERRORS as error:
                if facts is small:
                    raise
                context.callbacks.on_warning(f"{large.candidate.backbone} is not trained from scratch: {error}")
    if not runs:
        return None
    for name, why in late.items():
        context.callbacks.on_warning(f"{name} is not trained from scratch: {why}")
    chosen = max(runs, key=lambda run: _rank(run, plan.data.metric.sign))
    rows = tuple(row for run in runs for row in run.rows)
    others = tuple(run for run in runs if run is not chosen)
    return replace(chosen, not_affordable=reasons, rows=rows, others=others)


def _is_side_by_side(context: RunContext) -> bool:
    """Whether the networks are trained at once, each for the whole share of the time; the same in every attempt."""
    count = len(context.pool.workers)
    key = ("baseline side by side",)
    return context.pool.repeats and context.checkpoint.get_or_compute(key, bool, lambda: count > 1)


def _rank(run: BaselineResult, sign: float) -> tuple[float, float]:
    """Higher is better; ``sign`` is that of the metric."""
    return (sign * run.result.score, -run.result.metrics["val_loss"])


def _same_architecture(plan: Plan, best: Candidate) -> MeasuredCandidate:
    """The winner's kind of network with random values; it takes the time that the pre-trained one was measured at."""
    facts = plan.measured[best]
    return replace(facts, candidate=replace(best, weights=None, weights_file=None, weights_id=""))


def _steps(context: RunContext, plan: Plan, facts: MeasuredCandidate, budget: float | None) -> int:
    """As many steps as fit the budget; 60 epochs, and no fewer steps than a trial has, without one."""
    per_epoch, wanted = _per_epoch(context, plan.data), _wanted_steps(context, plan)
    if budget is None:
        return wanted
    epochs = _costs(plan).halving_epochs(facts, budget)
    return min(wanted, max(int(epochs * per_epoch), 10))


def _train(context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int) -> Job[BaselineResult]:
    """Train a network with augmentation; where its plugin fails, without."""
    policy = plan.space.policy_of("strong")
    try:
        return (yield from _train_with(policy, context, plan, facts, steps))
    except TRIAL_ERRORS as error:
        if policy == "none" or error.plugin not in ("", f"augmentation {policy}"):
            raise
        context.callbacks.on_warning(f"the network from scratch is trained without augmentation: {error}")
        return (yield from _train_with("none", context, plan, facts, steps))


def _train_with(
    policy: str, context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int
) -> Job[BaselineResult]:
    candidate = facts.candidate
    specs = tuple(_spec(context, policy, facts, steps, rate) for rate in RATES)
    trials = [_trial(plan.data, candidate, spec) for spec in specs]
    question = ("halving", specs, plan.data.fold)
    kept: RaceResult | None = context.checkpoint.get(question, RaceResult)
    raced = kept or (yield from _halve(context, plan.data, trials, question, _seconds(context, plan, facts, steps)))
    for trial, completed in zip(trials, raced.trials(), strict=True):
        context.callbacks.on_trial_recalled(trial, completed)
    _note_pace(context, plan, facts, raced)
    best, cut = raced.best, bool(raced.best.reason)  # its schedule was shortened
    stopped_by = "time" if cut or steps < _wanted_steps(context, plan) else "schedule"
    epochs, whole = round(best.spec.steps / _per_epoch(context, plan.data)), _whole_epochs(context, plan)
    epochs = max(1, round(best.history[-1]["epoch"])) if cut else epochs
    return BaselineResult(
        candidate=candidate,
        result=best,
        rows=tuple(TrialRow.of(0, "baseline", trial.result, trial.run_id) for trial in raced.trials()),
        seconds=sum(o.result.seconds for o in raced.outcomes),
        stopped_by=stopped_by,
        still_improving=still_rising(_curve(plan.data, best.history)),
        not_affordable=(),
        epochs=epochs,
        whole_epochs=whole,
        rise=_rise(plan.data, best.history, epochs, whole),
        no_claim=_no_claim(context, plan.data, raced.best_outcome, epochs, whole),
        outcome=raced.best_outcome,
    )


def _curve(data: Data, history: Sequence[Mapping[str, float]]) -> list[float]:
    """The validation score of each epoch; the greater the better."""
    return [data.metric.sign * epoch["objective"] for epoch in history]


def _rise(data: Data, history: Sequence[Mapping[str, float]], last: int, whole: int) -> Rise | None:
    """What the score would gain in the rest of the whole schedule, or in twice its training where nothing is left.

    A score that is made of counts ends at 1. The schedule of ``last`` epochs was a complete one: its learning rate has
    fallen to 0.
    """
    trained = amount_trained([epoch["epoch"] for epoch in history], last)
    (until,) = amount_trained([whole], whole)
    until = until if last < whole else AGAIN * trained[-1]
    return extrapolate(trained, _curve(data, history), until, 1.0 if data.metric.counts is not None else math.inf)


def _no_claim(context: RunContext, data: Data, outcome: Outcome, epochs: int, whole: int) -> str:
    """Why a network from scratch carries no claim, whatever test will say.

    It has not learned, or there was no time for a fair comparison: the plan knew it, or the machine became slower.
    """
    trained = f"{epochs} of {whole} epochs"
    slower = bool(outcome.result.reason) or context.budget.pace.factor > 1
    too_few = slower and epochs < fair_epochs(context.config, len(data.fold.train))
    cut_short = f"its time was over after {trained}" if too_few or not context.budget.compares else ""
    return not_learned(data, outcome, trained) or cut_short


def _seconds(context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int) -> float | None:
    """The seconds that all learning rates of a network may take; None without a limit.

    That is what they are estimated to take and a little more, and never what the rest of the run needs.
    """
    left = context.budget.left_for("rest")
    if left is None:
        return None
    epochs = math.ceil(steps / _per_epoch(context, plan.data))
    return min(left, LATE * context.budget.price(_costs(plan).halving_seconds(facts, epochs)))


def _note_pace(context: RunContext, plan: Plan, facts: MeasuredCandidate, raced: RaceResult) -> None:
    """Take in what the epochs took beside what they were estimated to take."""
    trained = sum(outcome.result.history[-1]["epoch"] for outcome in raced.outcomes if outcome.result.history)
    estimated = trained * _costs(plan).epoch_seconds(facts) + WHOLE_COMPILE_SECONDS
    context.budget.pace.note(estimated, sum(outcome.result.seconds for outcome in raced.outcomes))


def _trial(data: Data, candidate: Candidate, spec: TrialSpec) -> RunningTrial:
    return RunningTrial(
        number=0,
        role="baseline",
        name=f"baseline {spec.label} lr {spec.lr_suffix:g}",
        spec=spec,
        candidate=candidate,
        folds=(data.fold,),
        step="baseline",
    )


def _halve(
    context: RunContext, data: Data, trials: Sequence[RunningTrial], question: tuple[Any, ...], seconds: float | None
) -> Job[RaceResult]:
    """Train several learning rates; where there is a validation part, the model of the best is kept."""
    candidate = trials[0].candidate
    specs = tuple(trial.spec for trial in trials)
    request = RunSuccessiveHalving(candidate=candidate, specs=specs, fold=data.fold, seconds=seconds)

    def keep(raced: RaceResult, worker: Worker) -> None:
        if not data.uses_folds:
            save_fitted(data, raced.best.spec, candidate, model_folder(context, raced.best.spec), worker)

    return (yield from halve(context, trials, request, question, keep))


def _spec(context: RunContext, policy: str, facts: MeasuredCandidate, steps: int, rate: float) -> TrialSpec:
    return TrialSpec(
        backbone=facts.candidate.backbone, weights=None, image_size=facts.candidate.image_size,
        depth=len(facts.cuts), freeze_depth=0, dropout=0.2,
        policy=policy, strength=0.5 if policy != "none" else 0.0, views=0,
        steps=steps, batch_size=context.config.batch_size, lr_suffix=rate, lr_head=rate, weight_decay=1e-3,
        seed=context.config.seed,
    )  # fmt: skip


def _wanted_steps(context: RunContext, plan: Plan) -> int:
    """The schedule without a limit of time: 60 epochs, and no fewer steps than a trial has; or what was asked for."""
    if context.config.epochs is not None:
        return plan.space.steps
    return max(UNLIMITED_EPOCHS * _per_epoch(context, plan.data), plan.space.steps)


def _whole_epochs(context: RunContext, plan: Plan) -> int:
    """The epochs of the schedule that neither the time nor ``--epochs`` cuts short."""
    return max(UNLIMITED_EPOCHS, round(_wanted_steps(context, plan) / _per_epoch(context, plan.data)))


def _costs(plan: Plan) -> FromScratchCosts:
    return costs_of(plan.data, plan.costs.render_seconds(plan.space.policy_of("strong")))


def _per_epoch(context: RunContext, data: Data) -> int:
    return steps_per_epoch(len(data.fold.train), context.config.batch_size)
