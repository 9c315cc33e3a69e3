"""plan: candidates with their sizes, measured on this machine, and what the search will do with the time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from tlsearch.config import RunConfig
from tlsearch.config_values import parse_weights
from tlsearch.data.split import Fold
from tlsearch.errors import PluginError, TlsearchError, TrialError, WeightsError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.at_use.budget import UseBudget
from tlsearch.pipeline.at_use.measure import measure_use
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.measure import (
    baseline_sizes,
    fitting_size,
    measure_at_fitting_size,
    measure_in_full,
    measure_rendering,
    measure_small_network,
    open_pool,
)
from tlsearch.pipeline.messages import plan_lines
from tlsearch.pipeline.preflight import Ready
from tlsearch.pipeline.scratch_time import ScratchTime, costs_of, scratch_time, share_of
from tlsearch.pipeline.workers import trial_cap
from tlsearch.plugins.facts import PluginFacts
from tlsearch.results.schema import LeftOut, ScreenedCandidate
from tlsearch.runs import identity
from tlsearch.runs.budget import SHARES, rest_seconds
from tlsearch.search.cost import Costs
from tlsearch.search.freeze import frozen_depths
from tlsearch.search.poolings import flattened_values, token_poolings
from tlsearch.search.schedule import TrialTime, fit_schedule, left_for_trial
from tlsearch.search.space import SearchHints, SearchSpace, schedule
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils import machine
from tlsearch.utils.units import format_duration
from tlsearch.worker.client import WorkerDiedError

FEWEST_PIXELS = 64
"""Side below which a network that was trained on images of 224 px sees too little to compete with one that sees more:
VGG16 told ten kinds of clothes in 0.76 of the images at 32 px, where EfficientNet-Lite0 at 128 px did in 0.81."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is going to happen.

    Attributes:
        data: The images.
        plugins: What the plugins say of themselves.
        space: The search space.
        costs: What trials cost, from what was measured of the candidates.
        left_out: What does not take part, and why.
        cap: The seconds of training that any one trial may take; None without a limit.
        folds: The folds on which trials are compared.
        round_size: The number of trials that are asked for before any of them is told.
        use: What was asked of the model to use; None where nothing was.
        screened: What each of many candidates told of a few images, once they were looked at.
    """

    data: Data
    plugins: PluginFacts
    space: SearchSpace
    costs: Costs
    left_out: tuple[LeftOut, ...] = ()
    cap: float | None = None
    folds: tuple[Fold, ...] = ()
    round_size: int = 1
    use: UseBudget | None = None
    screened: tuple[ScreenedCandidate, ...] = ()

    @property
    def measured(self) -> Mapping[Candidate, MeasuredCandidate]:
        """What was measured of every candidate."""
        return self.costs.facts

    def affords(self, spec: TrialSpec) -> bool:
        """Whether a trial can be trained within the cap; a linear probe always, for without one nothing is proved."""
        return self.cap is None or spec.is_linear_probe or self.costs.train_seconds(spec) <= self.cap

    def may_ship(self, spec: TrialSpec) -> bool:
        """Whether a model may be the one to use, by what its network costs at use; all may where nothing was asked."""
        return self.use is None or self.use.may_ship(spec)

    def plugin_versions(self) -> dict[str, str]:
        """Give "distribution version" of every plugin that takes part, by name."""
        candidates = self.space.candidates
        names = [c.backbone for c in candidates] + [f"{c.backbone}@{c.weights}" for c in candidates]
        known = self.plugins.versions()
        names += [*self.space.policies, self.data.metric.name]
        return {name: known[name] for name in names if name in known}

    def folds_of(self, spec: TrialSpec) -> tuple[Fold, ...]:
        """The folds of a trial: all for a linear probe, for a trained one as many as its cap allows."""
        return self.folds if spec.is_linear_probe else self.folds[: self.costs.trained_folds]


def make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    """Measure every candidate, settle its size and the number of steps, and say what is going to happen."""
    with context.budget.measure("plan"):
        plan = _make_plan(context, data, ready)
    for line in plan_lines(plan, context.config.effective_trials, context.budget.limit):
        context.callbacks.on_step("plan", line)
    context.callbacks.on_step("plan", machine.in_words())
    return plan


def _make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    measured, broken = _measure_all(context, data, ready)
    open_pool(context, data, measured, *baseline_sizes(data.base_size))
    use = measure_use(context, data, measured)
    config = context.config
    rendering = measure_rendering(context, ready.policies, min(c.image_size for c in measured))
    space = SearchSpace(
        candidates=tuple(measured),
        policies=ready.policies,
        steps=schedule(len(data.fold.train), config.batch_size, config.epochs),
        train_images=len(data.fold.train),
        batch_size=config.batch_size,
        seed=config.seed,
        depthwise_frozen=frozenset(c.label for c, facts in measured.items() if facts.freezes_depthwise),
        frozen=frozen_depths(config.freeze, {c.label: facts.cuts for c, facts in measured.items()}),
        flattened=tuple((c.label, v) for c, f in measured.items() if (v := flattened_values(f.cuts, len(data.pool)))),
        tokens=tuple((c.label, poolings) for c, f in measured.items() if (poolings := token_poolings(f.cuts))),
        hints=SearchHints(
            backbones={b.name: b.hints for b in ready.plugins.backbones},
            augmentations=ready.plugins.augmentation_hints,
        ),
    )
    costs = Costs(facts=measured, images=len(data.pool), folds=len(data.folds), rendering=rendering)
    scratch = _scratch_time(context, data, space, costs)
    context.budget.compares = context.budget.limit is None or (scratch is not None and scratch.is_fair)
    time = _time_for_trial(context, data, space, costs, scratch)
    space = fit_schedule(space, costs, time, fixed=config.epochs is not None)
    return Plan(
        data=data,
        plugins=ready.plugins,
        space=space,
        costs=costs,
        left_out=(*ready.left_out, *broken),
        cap=time.cap if time else None,
        folds=data.folds,
        use=use,
    )


def _scratch_time(context: RunContext, data: Data, space: SearchSpace, costs: Costs) -> ScratchTime | None:
    """What training from scratch takes; None where there is none, or no limit of time."""
    limit = context.budget.limit
    if context.config.baseline == "none" or limit is None:
        return None
    share = share_of(data, SHARES["baseline"] * limit)
    render_seconds = costs.render_seconds(space.policy_of("strong"))
    small = measure_small_network(context, data, share, render_seconds)
    times = costs_of(data, render_seconds)
    return scratch_time(context.config, data, times, small, costs.facts.values(), limit)


def _time_for_trial(
    context: RunContext, data: Data, space: SearchSpace, costs: Costs, scratch: ScratchTime | None
) -> TrialTime | None:
    """The time for one trial; None without a limit."""
    cap, limit = trial_cap(context), context.budget.limit
    if cap is None or limit is None:
        return None
    spent: float = context.checkpoint.get_or_compute(("spent before the plan",), float, context.budget.elapsed)
    usable = limit - rest_seconds(limit) - spent - (scratch.total_seconds(data) if scratch else 0.0)
    again = data.uses_folds or context.config.refit
    return TrialTime(cap=cap, left=left_for_trial(space, costs, usable), ships_again=again)


def begin_or_resume(context: RunContext, plan: Plan) -> None:
    """Note when work begins and with what.

    Raises ``UsageError`` where the run in this folder began with something else, naming what has changed.
    """
    data = plan.data
    parts = (data.split.train, data.split.val, data.split.test, data.groups)
    present = identity.Identity(
        images=len(data.index.images),
        fingerprint=data.index.fingerprint,
        split=hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        plugins=plan.plugin_versions(),
        space=plan.space.digest,
    )
    identity.check_unchanged(present, context.checkpoint, context.output)
    context.checkpoint.get_or_compute(("started",), str, now)


def now() -> str:
    """The present time, as the result says when a run started."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _measure_all(
    context: RunContext, data: Data, ready: Ready
) -> tuple[dict[Candidate, MeasuredCandidate], list[LeftOut]]:
    """Measure every candidate, each at a size that suits the time.

    Returns:
        What was measured, and what is left out: candidates whose plugin fails, which is fatal only for what the user
        named, and those for which there is time on small images only, where another can see more.
    """
    left_out: list[LeftOut] = []

    def measured_or_left_out(
        item: AvailableCandidate, call: Callable[[], MeasuredCandidate]
    ) -> list[MeasuredCandidate]:
        try:
            return [call()]
        except (TrialError, PluginError, WeightsError, WorkerDiedError) as error:
            left_out.append(
                plugin_failed(context.config, ready.plugins, (item.backbone.name, item.weights.name), error)
            )
            return []

    known: dict[Candidate, MeasuredCandidate] = {}
    looks: list[tuple[AvailableCandidate, MeasuredCandidate, int]] = []
    for item, size in zip(ready.candidates, ready.sizes, strict=True):
        for facts in measured_or_left_out(item, partial(measure_in_full, context, data, known, item, size)):
            known[facts.candidate] = facts
            looks.append((item, facts, fitting_size(context, data, facts, item.backbone.min_image_size)))
    sees_enough = any(size >= FEWEST_PIXELS for _, _, size in looks)
    measured: dict[Candidate, MeasuredCandidate] = {}
    for item, facts, size in looks:
        if sees_enough and size < FEWEST_PIXELS and _may_be_left_out(context.config, facts.candidate):
            time = format_duration(context.budget.most(1.0))
            left_out.append(LeftOut(facts.candidate.label, f"in {time} there is time for images of {size} px only"))
            continue
        call = partial(measure_at_fitting_size, context, data, measured, facts, item.backbone.min_image_size)
        measured |= {settled.candidate: settled for settled in measured_or_left_out(item, call)}
    if not measured:
        raise nothing_usable(left_out)
    return measured, left_out


def _may_be_left_out(config: RunConfig, candidate: Candidate) -> bool:
    """Whether the user asked neither for the network nor for an image size."""
    return config.image_size is None and not {candidate.backbone, candidate.label} & set(config.backbones)


def plugin_failed(config: RunConfig, plugins: PluginFacts, candidate: tuple[str, str], error: TlsearchError) -> LeftOut:
    """What to say of a candidate (backbone, weights) whose plugin failed. Raises where the user named it."""
    backbone, weights = candidate
    label, reason = f"{backbone}@{weights}", str(error).rstrip(".")
    added = plugins.of("weights").get(label)
    own = next(f"{b.distribution} {b.version}" for b in plugins.backbones if b.name == backbone)
    named = {text for text in config.backbones if "@" in text or added is None}
    named |= {"@".join(parse_weights(text)[:2]) for text in config.weights}
    if not {backbone, label} & named:
        return LeftOut(label, f"its plugin {added or own} fails: {reason}")
    if isinstance(error, WeightsError):
        raise error
    raise PluginError(f"{label} of {added or own} cannot be used: {reason}.") from error


def nothing_usable(broken: Sequence[LeftOut]) -> PluginError:
    """The error where no backbone is left."""
    return PluginError("No backbone can be used: " + "; ".join(f"{b.name}, {b.reason}" for b in broken) + ".")
