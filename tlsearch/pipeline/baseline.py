"""baseline: the same task from random initial values, trained as well as the time allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tlsearch.errors import OutOfMemoryError, PluginFailedError
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.models import model_folder, save_fitted
from tlsearch.pipeline.plan import Plan, baseline_sizes, measure
from tlsearch.pipeline.trial import Curves, finish_run, start_run
from tlsearch.results.schema.run import TrialRow
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec
from tlsearch.utils.signals import defer_interrupts
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.handlers import CandidateFacts

RATES = (1e-3, 3e-3, 3e-4)
"""Learning rates that race; AdamW's usual one first."""

RACE_WORK = 1 + 2 / 3
"""The whole schedule once and a third of it for each of the two that drop out."""

ENOUGH_EPOCHS = 30
"""Epochs below which a large network from scratch would be a strawman."""

UNLIMITED_EPOCHS = 60
WHOLE_COMPILE_SECONDS = 8.0
"""Building and compiling a whole network with BatchNorm, about: the small one 4, EfficientNet-Lite0 16."""


TRIAL_ERRORS = (PluginFailedError, OutOfMemoryError, WorkerDiedError)
"""Failures that need not come again with another network, or without augmentation."""


@dataclass(frozen=True)
class BaselineResult:
    """A network from scratch: the best one, with the ``others`` that were trained beside it. ``not_affordable`` says
    which architectures would have taken too long. ``epochs`` is how often each training image was seen."""

    candidate: Candidate
    result: TrialResult
    rows: tuple[TrialRow, ...]
    seconds: float
    stopped_by: str
    still_improving: bool
    not_affordable: tuple[str, ...]
    epochs: int
    others: tuple[BaselineResult, ...] = ()

    @property
    def architecture(self) -> str:
        """The name of the network."""
        return self.candidate.backbone


@dataclass(frozen=True)
class RaceResult:
    """What came of one network's learning rates, as it is kept, and their MLflow runs."""

    outcomes: tuple[Outcome, ...]
    run_ids: tuple[str, ...]

    @property
    def best(self) -> TrialResult:
        """The one that was trained to the end."""
        return next(o.result for o in self.outcomes if o.result.state == "complete")


def run_baseline(context: RunContext, plan: Plan, best: Candidate) -> BaselineResult:
    """Train from scratch: a small residual network, and the architecture of ``best`` where that is affordable.

    The better of the two on validation is the baseline. Learning rates race on the first fold. Where there is a
    validation part, the models are kept.
    """
    share = context.budget.share("baseline")
    small = _small_network(context, share)
    large = _same_architecture(context, best)
    needed = _race_seconds(context, large, ENOUGH_EPOCHS)
    affordable = share is None or needed <= share / 2
    budget = share / 2 if share is not None and affordable else share
    runs = [_race(context, plan, small, _steps(context, plan, small, budget))]
    reasons: tuple[str, ...] = ()
    if affordable:
        try:
            runs.append(_race(context, plan, large, _steps(context, plan, large, budget)))
        except TRIAL_ERRORS as error:
            context.reporter.warn(f"{large.candidate.backbone} is not trained from scratch: {error}")
    else:
        reasons = (
            f"{large.candidate.backbone} ({ENOUGH_EPOCHS} epochs need {needed:.0f} s, "
            f"the baseline may take {share:.0f} s)",
        )
    chosen = max(runs, key=_rank)
    rows = tuple(row for run in runs for row in run.rows)
    others = tuple(run for run in runs if run is not chosen)
    return replace(chosen, not_affordable=reasons, rows=rows, others=others)


def scratch_of(baseline: BaselineResult | None) -> tuple[BaselineResult, ...]:
    """All networks that were trained from scratch, the baseline first."""
    return () if baseline is None else (baseline, *baseline.others)


def _small_network(context: RunContext, budget: float | None) -> CandidateFacts:
    """The small network, at the largest size at which it gets 30 epochs, or at the smallest."""
    largest, *smaller = baseline_sizes(context.data.base_size)
    candidate = Candidate(SmallCNN.name, None, None, "", largest, 0)
    facts = measure(context, candidate, 0.0)
    for size in smaller:
        if budget is None or _race_seconds(context, facts, ENOUGH_EPOCHS) <= budget:
            break
        # The work of a convolutional network is proportional to the number of pixels.
        seconds = facts.forward_seconds * (size / facts.candidate.image_size) ** 2
        facts = replace(facts, candidate=replace(facts.candidate, image_size=size), forward_seconds=seconds)
    return facts


def _race_seconds(context: RunContext, facts: CandidateFacts, epochs: int) -> float:
    """Seconds for the whole race over a schedule of ``epochs``."""
    return RACE_WORK * _epoch_seconds(context, facts) * epochs + WHOLE_COMPILE_SECONDS


def _rank(run: BaselineResult) -> tuple[float, float]:
    return (run.result.value or 0.0, -run.result.metrics["val_loss"])


def _same_architecture(context: RunContext, best: Candidate) -> CandidateFacts:
    """The winner's kind of network with random values; it takes the time that the pre-trained one was measured at."""
    facts = context.facts[best]
    return replace(facts, candidate=replace(best, weights=None, weights_file=None, weights_id=""))


def _epoch_seconds(context: RunContext, facts: CandidateFacts) -> float:
    """Seconds to render and train one epoch of the whole network."""
    images = len(context.data.fold.train)
    render = len(context.data.pool) * facts.candidate.image_size**2 * RENDER_SECONDS
    return images * facts.forward_seconds * facts.train_ratio * 1.1 + render


def _steps(context: RunContext, plan: Plan, facts: CandidateFacts, budget: float | None) -> int:
    """As many steps as fit the budget; 60 epochs, and no fewer steps than a trial has, without one."""
    per_epoch, wanted = _per_epoch(context), _wanted_steps(context, plan)
    if budget is None:
        return wanted
    epoch = _epoch_seconds(context, facts)
    epochs = (budget - WHOLE_COMPILE_SECONDS) / (RACE_WORK * epoch)
    return min(wanted, max(int(epochs * per_epoch), 10))


def _race(context: RunContext, plan: Plan, facts: CandidateFacts, steps: int) -> BaselineResult:
    """The race with augmentation; where its plugin fails, without."""
    policies = plan.space.policies
    policy = "standard" if "standard" in policies else policies[-1]
    try:
        return _race_with(policy, context, plan, facts, steps)
    except TRIAL_ERRORS as error:
        if policy == "none" or error.plugin not in ("", f"augmentation {policy}"):
            raise
        context.reporter.warn(f"the network from scratch is trained without augmentation: {error}")
        return _race_with("none", context, plan, facts, steps)


def _race_with(policy: str, context: RunContext, plan: Plan, facts: CandidateFacts, steps: int) -> BaselineResult:
    candidate = facts.candidate
    specs = tuple(_spec(context, policy, facts, steps, rate) for rate in RATES)
    question = ("race", specs, context.data.fold)
    raced: RaceResult | None = context.checkpoint.get(question, RaceResult)
    if raced is None:
        raced = _run_race(context, candidate, specs, question)
    for outcome, run_id in zip(raced.outcomes, raced.run_ids, strict=True):
        if run_id in context.unfinished:
            finish_run(context, run_id, outcome.result)
    best = raced.best
    return BaselineResult(
        candidate,
        best,
        tuple(TrialRow.of(0, "baseline", o.result, run) for o, run in zip(raced.outcomes, raced.run_ids, strict=True)),
        sum(o.result.seconds for o in raced.outcomes),
        "time" if steps < _wanted_steps(context, plan) else "schedule",
        _still_improving(best),
        (),
        round(best.spec.steps / _per_epoch(context)),
    )


def _run_race(
    context: RunContext, candidate: Candidate, specs: Sequence[TrialSpec], question: tuple[Any, ...]
) -> RaceResult:
    """Train ``specs``, recorded as they go; what comes of it is kept as the answer to ``question``."""
    open_runs: list[str] = []

    def on_event(event: tuple[str, Any]) -> None:
        if event[0] != "race":
            context.progress("baseline")(event)
            return
        number, numbers = event[1]
        curves[number].add(numbers)
        _show(context, candidate, numbers)

    try:
        with defer_interrupts():
            for spec in specs:
                name = f"baseline {spec.label} lr {spec.lr_suffix:g}"
                open_runs.append(start_run(context, spec, candidate, "baseline", name))
        curves = [Curves(context, run_id) for run_id in open_runs]
        outcomes: list[Outcome] = context.worker.trial(
            "race", on_event, candidate=candidate, specs=list(specs), fold=context.data.fold
        )
        raced = RaceResult(tuple(outcomes), tuple(open_runs))
        if not context.data.uses_folds:
            save_fitted(context, raced.best.spec, candidate, model_folder(context, raced.best.spec))
        with defer_interrupts():
            context.checkpoint.put(question, raced)
            for outcome, run_id in zip(outcomes, raced.run_ids, strict=True):
                finish_run(context, run_id, outcome.result)
            open_runs.clear()
    except KeyboardInterrupt:
        context.unfinished.update(open_runs)
        context.close_unfinished()
        raise
    except BaseException as error:
        for run_id in open_runs:
            context.tracker.finish(run_id, "FAILED", reason=str(error))
        raise
    return raced


def _spec(context: RunContext, policy: str, facts: CandidateFacts, steps: int, rate: float) -> TrialSpec:
    return TrialSpec(
        facts.candidate.backbone,
        None,
        facts.candidate.image_size,
        len(facts.cuts),
        0,
        dropout=0.2,
        policy=policy,
        strength=0.5 if policy != "none" else 0.0,
        views=0,
        steps=steps,
        batch_size=context.config.batch_size,
        lr_suffix=rate,
        lr_head=rate,
        weight_decay=1e-3,
        seed=context.config.seed,
    )


def _wanted_steps(context: RunContext, plan: Plan) -> int:
    """The schedule without a limit of time: 60 epochs, and no fewer steps than a trial has; or what was asked for."""
    if context.config.epochs is not None:
        return plan.space.steps
    return max(UNLIMITED_EPOCHS * _per_epoch(context), plan.space.steps)


def _per_epoch(context: RunContext) -> int:
    return steps_per_epoch(len(context.data.fold.train), context.config.batch_size)


def _show(context: RunContext, candidate: Candidate, numbers: Mapping[str, float]) -> None:
    text = f"{candidate.label}, validation {numbers['objective']:.3f}"
    context.reporter.progress("baseline", numbers["fraction"], 1.0, text)


def _still_improving(result: TrialResult) -> bool:
    """Whether the last three epochs are better than the three before by more than their noise."""
    curve = [h["objective"] for h in result.history]
    if len(curve) < 6:
        return True
    before, last = np.asarray(curve[-6:-3]), np.asarray(curve[-3:])
    noise = float(np.hypot(before.std(ddof=1), last.std(ddof=1)) / np.sqrt(3))
    return bool(last.mean() - before.mean() > noise)
