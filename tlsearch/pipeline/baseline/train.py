"""Networks are trained from scratch: a small one, and the best network's architecture where that is affordable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from tlsearch.config import RunConfig
from tlsearch.errors import OutOfTimeError
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.baseline.affordable import not_affordable
from tlsearch.pipeline.baseline.failures import TRIAL_ERRORS, Failures
from tlsearch.pipeline.baseline.learned import expected_rise, scores_by_epoch, why_no_claim
from tlsearch.pipeline.baseline.result import BaselineResult
from tlsearch.pipeline.baseline.schedule import (
    affordable_steps,
    epoch_steps,
    halving_seconds,
    has_epoch,
    note_halving_pace,
    scratch_costs,
    wanted_steps,
    whole_epochs,
)
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.halving import RaceResult, halve
from tlsearch.pipeline.jobs import Job, run_jobs
from tlsearch.pipeline.measure import baseline_sizes, measure_small_network, open_pool
from tlsearch.pipeline.messages import baseline_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import fold_model_folder, model_folder, save_fitted
from tlsearch.pipeline.scratch_time import share_of, sized_for
from tlsearch.results.schema import TrialRow
from tlsearch.stats.trend import still_rising
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunSuccessiveHalving

RATES = (1e-3, 3e-3, 3e-4)
"""Learning rates that are tried; AdamW's usual one first."""


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
    costs = scratch_costs(plan)
    sizes = measure_small_network(context, plan.data, share, costs.render_seconds)
    if context.pool.repeats:  # every worker must know what the one that measured knows, such as the precision
        known = {facts.candidate: facts for facts in sizes}
        open_pool(context, plan.data, {**plan.measured, **known}, *baseline_sizes(plan.data.base_size))
    small = sized_for(sizes, costs, share)
    large = _same_architecture(plan, best)
    both = None if share is None else share / (1 if _is_side_by_side(context) else 2)
    reasons = not_affordable(context, plan, costs, large, both, wanted_steps(context, plan))
    budget = share if reasons else both
    if not has_epoch(context, plan, small, budget):
        return None
    networks = [small] if reasons else [small, large]
    failures = Failures(context.checkpoint)
    jobs = [
        _train(context, plan, facts, affordable_steps(context, plan, facts, budget), failures) for facts in networks
    ]
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
    failures.keep()
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
    count = len(context.pool.able(solved=False))
    key = ("baseline side by side",)
    return context.pool.repeats and context.checkpoint.get_or_compute(key, bool, lambda: count > 1)


def _rank(run: BaselineResult, sign: float) -> tuple[float, float]:
    """Higher is better; ``sign`` is that of the metric."""
    return (sign * run.result.score, -run.result.metrics["val_loss"])


def _same_architecture(plan: Plan, best: Candidate) -> MeasuredCandidate:
    """The winner's kind of network with random values; it takes the time that the pre-trained one was measured at."""
    facts = plan.measured[best]
    return replace(facts, candidate=replace(best, weights=None, weights_file=None, weights_id=""))


def _train(
    context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int, failures: Failures
) -> Job[BaselineResult]:
    """Train a network with augmentation; where its plugin fails, without."""
    policy = plan.space.policy_of("strong")
    try:
        return (yield from _train_with(policy, context, plan, facts, steps, failures))
    except TRIAL_ERRORS as error:
        if policy == "none" or error.plugin not in ("", f"augmentation {policy}"):
            raise
        context.callbacks.on_warning(f"the network from scratch is trained without augmentation: {error}")
        return (yield from _train_with("none", context, plan, facts, steps, failures))


def _train_with(
    policy: str, context: RunContext, plan: Plan, facts: MeasuredCandidate, steps: int, failures: Failures
) -> Job[BaselineResult]:
    candidate = facts.candidate
    specs = tuple(_spec(context.config, policy, facts, steps, rate) for rate in RATES)
    trials = [_trial(plan.data, candidate, spec) for spec in specs]
    question = ("halving", specs, plan.data.fold)
    kept: RaceResult | None = context.checkpoint.get(question, RaceResult)
    seconds = halving_seconds(context, plan, facts, steps)
    job = _halve(context, plan.data, trials, question, seconds)
    raced = kept or (yield from failures.noted(f"{candidate.label} with augmentation {policy}", job))
    for trial, completed in zip(trials, raced.trials(), strict=True):
        context.callbacks.on_trial_recalled(trial, completed)
    note_halving_pace(context.budget, plan, facts, raced)
    best, cut = raced.best, bool(raced.best.reason)  # its schedule was shortened
    stopped_by = "time" if cut or steps < wanted_steps(context, plan) else "schedule"
    epochs, whole = round(best.spec.steps / epoch_steps(context.config, plan.data)), whole_epochs(context, plan)
    epochs = max(1, round(best.history[-1]["epoch"]) if cut else epochs)
    return BaselineResult(
        candidate=candidate,
        result=best,
        rows=tuple(TrialRow.of(0, "baseline", trial.result, trial.run_id) for trial in raced.trials()),
        seconds=sum(o.result.seconds for o in raced.outcomes),
        stopped_by=stopped_by,
        still_improving=still_rising(scores_by_epoch(plan.data, best.history)),
        not_affordable=(),
        epochs=epochs,
        whole_epochs=whole,
        rise=expected_rise(plan.data, best.history, epochs, whole),
        no_claim=why_no_claim(context, plan.data, raced.best_outcome, epochs, whole),
        outcome=raced.best_outcome,
        pace=context.budget.pace.factor,
    )


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
    """Train several learning rates, and keep the model of the best.

    With folds another one is trained on all their images in the end; this one is for a run whose time is over then.
    """
    candidate = trials[0].candidate
    specs = tuple(trial.spec for trial in trials)
    request = RunSuccessiveHalving(candidate=candidate, specs=specs, fold=data.fold, seconds=seconds)

    def keep(raced: RaceResult, worker: Worker) -> None:
        spec = raced.best.spec
        if not data.uses_folds:
            save_fitted(data, spec, candidate, model_folder(context.work, spec), worker)
        elif context.budget.limit is not None:
            save_fitted(data, spec, candidate, fold_model_folder(context.work, spec), worker)

    return (yield from halve(context, trials, request, question, keep))


def _spec(config: RunConfig, policy: str, facts: MeasuredCandidate, steps: int, rate: float) -> TrialSpec:
    return TrialSpec(
        backbone=facts.candidate.backbone, weights=None, image_size=facts.candidate.image_size,
        depth=len(facts.cuts), freeze_depth=0, dropout=0.2,
        policy=policy, strength=0.5 if policy != "none" else 0.0, views=0,
        steps=steps, batch_size=config.batch_size, lr_suffix=rate, lr_head=rate, weight_decay=1e-3,
        seed=config.seed,
    )  # fmt: skip
