"""plan: candidates with their sizes, measured on this machine, and what the search will do with the time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tlsearch.config import RunConfig
from tlsearch.config_values import parse_weights
from tlsearch.data.split import Fold
from tlsearch.errors import PluginError, TlsearchError, TrialError, WeightsError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.candidates import AvailableCandidate, not_in_time
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.messages import plan_lines
from tlsearch.pipeline.preflight import Ready
from tlsearch.pipeline.scan import SIZE_STEP, pool_at, pool_digest
from tlsearch.pipeline.workers import trial_cap
from tlsearch.plugins.facts import PluginFacts
from tlsearch.results.schema import LeftOut
from tlsearch.runs import identity
from tlsearch.search.cost import Costs
from tlsearch.search.freeze import frozen_depths
from tlsearch.search.schedule import fit_schedule
from tlsearch.search.space import SearchHints, SearchSpace, flattened_values, schedule
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils.cache_folders import features_dir
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import MeasureCandidate, OpenPool

FIRST_VIEW_SHARE = 0.05
"""Share of the time limit into which the first view of a candidate must fit."""
TIMED_SHARE = 0.4
"""The share of its cut points that is frozen where a candidate's step is timed: as in a usual deep trial."""


BASELINE_SIZES = (96, 64)
"""Sides in pixels for the small network from scratch: in short time it learns more from epochs than from detail."""


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
    """

    data: Data
    plugins: PluginFacts
    space: SearchSpace
    costs: Costs
    left_out: tuple[LeftOut, ...] = ()
    cap: float | None = None
    folds: tuple[Fold, ...] = ()
    round_size: int = 1

    @property
    def measured(self) -> Mapping[Candidate, MeasuredCandidate]:
        """What was measured of every candidate."""
        return self.costs.facts

    def affords(self, spec: TrialSpec) -> bool:
        """Whether a trial can be trained within the cap."""
        return self.cap is None or self.costs.train_seconds(spec) <= self.cap

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


def baseline_sizes(base_size: int) -> list[int]:
    """The sides in pixels that the small network from scratch may have, largest first."""
    return sorted({min(size, base_size) for size in BASELINE_SIZES}, reverse=True)


def make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    """Measure every candidate, settle its size and the number of steps, and say what is going to happen."""
    with context.budget.measure("plan"):
        plan = _make_plan(context, data, ready)
    for line in plan_lines(plan, context.config.effective_trials, context.budget.limit):
        context.callbacks.on_step("plan", line)
    return plan


def _make_plan(context: RunContext, data: Data, ready: Ready) -> Plan:
    measured, broken = _measure_all(context, data, ready)
    open_pool(context, data, measured, *baseline_sizes(data.base_size))
    config = context.config
    cap = trial_cap(context)
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
        hints=SearchHints(
            backbones={b.name: b.hints for b in ready.plugins.backbones},
            augmentations=ready.plugins.augmentation_hints,
        ),
    )
    costs = Costs(facts=measured, images=len(data.pool), folds=len(data.folds))
    space = fit_schedule(space, costs, cap, fixed=config.epochs is not None)
    return Plan(
        data=data,
        plugins=ready.plugins,
        space=space,
        costs=costs,
        left_out=(*ready.left_out, *broken),
        cap=cap,
        folds=data.folds,
    )


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
    """Measure every candidate for which there is time.

    Gives what is left out too. That a plugin fails is fatal only for what the user named.
    """
    measured: dict[Candidate, MeasuredCandidate] = {}
    left_out = []
    limit = None if context.config.backbones else context.budget.limit
    pace: float | None = None
    for item, size in sorted(zip(ready.candidates, ready.sizes, strict=True), key=lambda pair: pair[0].order):
        if limit is not None and pace is not None and item.takes_too_long(size, pace, len(data.pool), limit):
            left_out.append(not_in_time(item, limit))
            continue
        try:
            facts = _measured(context, data, measured, item, size)
            measured[facts.candidate] = facts
            pace = pace or item.pace(facts.candidate.image_size, facts.forward_seconds)
        except (TrialError, PluginError, WeightsError, WorkerDiedError) as error:
            label = item.backbone.name, item.weights.name
            left_out.append(plugin_failed(context.config, ready.plugins, label, error))
    if not measured:
        raise nothing_usable(left_out)
    return measured, left_out


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


def open_pool(context: RunContext, data: Data, measured: Mapping[Candidate, MeasuredCandidate], *more: int) -> None:
    """Give the worker the pool at all sizes (and ``more``), with what is known of the candidates.

    It is repeated in every new process.
    """
    config = context.config
    sizes = [c.image_size for c in measured] + [*more]
    context.worker.send(
        OpenPool(
            pixels=pool_at(data, sizes),
            labels=data.labels,
            groups=data.groups,
            classes=data.index.classes,
            digest=pool_digest(data),
            cache_dir=features_dir(config.cache_dir),
            cache_limit=config.cache_limit,
            metric=data.metric.name,
            measured=tuple(measured.values()),
            image_weights=data.image_weights,
        )
    )


def measure(context: RunContext, candidate: Candidate, train_at: float) -> MeasuredCandidate:
    """Measure a candidate, once in the life of a run.

    ``train_at`` is the frozen share at which a training step is timed.
    """
    facts: MeasuredCandidate = context.checkpoint.get_or_compute(
        ("measure", candidate, train_at),
        MeasuredCandidate,
        lambda: context.worker.send(MeasureCandidate(candidate=candidate, train_at=train_at)),
    )
    return facts


def _measured(
    context: RunContext,
    data: Data,
    measured: Mapping[Candidate, MeasuredCandidate],
    found: AvailableCandidate,
    size: int,
) -> MeasuredCandidate:
    """Measure a candidate, at a smaller size where its first view would take too long."""
    limit = context.budget.limit
    weights = found.weights
    candidate = Candidate(
        backbone=found.backbone.name,
        weights=weights.name,
        weights_file=str(weights.file),
        weights_id=weights.weights_id,
        image_size=size,
        depth=0,
    )
    while True:
        context.callbacks.on_progress("plan", 0, 1, f"measuring {candidate.label} at {candidate.image_size} px")
        open_pool(context, data, measured, candidate.image_size)
        facts = measure(context, candidate, TIMED_SHARE)
        if limit is None or context.config.image_size is not None:
            return facts
        seconds = facts.forward_seconds * len(data.pool)
        allowed = FIRST_VIEW_SHARE * limit
        smaller = candidate.image_size - SIZE_STEP
        if seconds <= allowed or smaller < max(SIZE_STEP, found.backbone.min_image_size):
            return facts
        while smaller - SIZE_STEP >= max(SIZE_STEP, found.backbone.min_image_size) and (
            seconds * (smaller / candidate.image_size) ** 2 > allowed
        ):
            smaller -= SIZE_STEP
        candidate = replace(candidate, image_size=smaller)
