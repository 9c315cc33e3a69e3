"""plan: candidates with their sizes, measured on this machine, and what the search will do with the time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tlsearch.data.split import Fold
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.at_use.measure import measure_use
from tlsearch.pipeline.at_use.use_budget import UseBudget
from tlsearch.pipeline.candidates.measured import LEFT_OUT, measure_all
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.refusal import refuse_if_hopeless
from tlsearch.pipeline.limits.shortest_limit import NO_END_COSTS, EndCosts
from tlsearch.pipeline.measure import (
    baseline_sizes,
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
from tlsearch.runs.budget import SHARES, EndPrice
from tlsearch.runs.pace import Estimated
from tlsearch.search.cost import Costs
from tlsearch.search.freeze import frozen_depths
from tlsearch.search.poolings import flattened_values, token_poolings
from tlsearch.search.schedule import TrialTime, fit_schedule, left_for_trial
from tlsearch.search.space import SearchHints, SearchSpace, schedule
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils import machine


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
        end: What the end of the run depends on.
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
    end: EndCosts = NO_END_COSTS

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

    def estimated(self, spec: TrialSpec, folds: Sequence[Fold]) -> Estimated | None:
        """Give what a trial is estimated to take now, by what was made for others already.

        None for a linear probe, whose estimate is the most that it may take, and for what was not measured.
        """
        if spec.is_linear_probe or not self.costs.forward_seconds(spec):
            return None
        return Estimated(before=self.costs.view_seconds(spec), training=self.costs.seconds_on(spec, len(folds)))

    def end_price(self, *specs: TrialSpec) -> EndPrice:
        """Give what the end of the run takes where these models are tested; without any, at most."""
        forward = [self.costs.forward_seconds(spec) for spec in specs]
        return self.end.price(forward or 2 * [max(f.forward_seconds for f in self.measured.values())])

    def plugin_versions(self) -> dict[str, str]:
        """Give "distribution version" of every plugin that takes part, by name."""
        known = self.plugins.versions()
        return {name: known[name] for name in self._plugin_names if name in known}

    def plugin_sources(self) -> dict[str, str]:
        """Give a hash of the source of every plugin that takes part, by name."""
        known = self.plugins.sources
        return {name: known[name] for name in self._plugin_names if name in known}

    @property
    def _plugin_names(self) -> list[str]:
        candidates = self.space.candidates
        names = [c.backbone for c in candidates] + [f"{c.backbone}@{c.weights}" for c in candidates]
        return [*names, *self.space.policies, self.data.metric.name]

    def folds_of(self, spec: TrialSpec) -> tuple[Fold, ...]:
        """The folds of a trial: all for a linear probe, for a trained one as many as its cap allows."""
        return self.folds if spec.is_linear_probe else self.folds[: self.costs.trained_folds]


def make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    """Measure every candidate, settle its size and the number of steps, and say what is going to happen."""
    with context.budget.measure("plan"):
        plan = _make_plan(context, data, ready)
    trials, asked = context.config.effective_trials, context.config.metric is not None
    for line in plan_lines(plan, trials, context.budget.limit, metric_asked=asked):
        context.callbacks.on_step("plan", line)
    context.callbacks.on_step("plan", machine.in_words())
    return plan


def _make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    measured, broken = measure_all(context, data, ready)
    refuse_if_hopeless(context, data, tuple(measured.values()))
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
    images, stored = len(data.pool), config.cache_limit > 0
    costs = Costs(facts=measured, images=images, folds=len(data.folds), rendering=rendering, stored=stored)
    scratch = _scratch_time(context, data, space, costs)
    context.budget.compares = context.budget.limit is None or (scratch is not None and scratch.is_fair)
    plan = Plan(
        data=data,
        plugins=ready.plugins,
        space=space,
        costs=costs,
        left_out=(*ready.left_out, *broken),
        folds=data.folds,
        use=use,
        end=EndCosts.of(context, data),
    )
    context.budget.end = plan.end_price()
    allowed = _time_for_trial(context, data, space, costs, scratch)
    space = fit_schedule(space, costs, allowed, fixed=config.epochs is not None)
    return replace(plan, space=space, cap=allowed.cap if allowed else None)


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
    rest, baseline = context.budget.end_at(context.budget.pace), 0.0 if scratch is None else scratch.total_seconds(data)
    usable = limit - rest - spent - baseline
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
        plugins=plan.plugins.with_settings(plan.plugin_versions()),
        space=plan.space.digest,
        sources=plan.plugin_sources(),
    )
    # Where a network has failed by chance, as for want of memory, the search space would be another one without that.
    context.checkpoint.get_or_compute(LEFT_OUT, tuple[LeftOut, ...], lambda: plan.left_out)
    identity.check_unchanged(present, context.checkpoint, context.output)
    context.checkpoint.get_or_compute(("started",), str, now)


def now() -> str:
    """The present time, as the result says when a run started."""
    return datetime.now(UTC).isoformat(timespec="seconds")
