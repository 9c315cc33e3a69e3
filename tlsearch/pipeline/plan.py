"""plan: candidates with their sizes, measured on this machine, and what the search will do with the time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tlsearch.config import RunConfig, parse_weights
from tlsearch.data.index import Survey
from tlsearch.data.split import Fold
from tlsearch.errors import PluginError, TlsearchError, TrialError, WeightsError
from tlsearch.pipeline.candidates import Found
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.scan import SIZE_STEP, pool_at, pool_digest, starting_size
from tlsearch.plugins.facts import PluginFacts
from tlsearch.results.schema.run import LeftOut
from tlsearch.search.cost import Costs
from tlsearch.search.space import SearchSpace, known_policies, schedule
from tlsearch.search.warm_start import depths_of
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils.cache import cache_dir
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.handlers import CandidateFacts

DEFAULT_POLICIES = ("none", "geometric", "color", "standard")

FIRST_VIEW_SHARE = 0.05
"""Share of the time limit into which the first view of a candidate must fit."""

TIMED_SHARE = 0.4
"""The share of its cut points that is frozen when a candidate's training step is timed: as in a usual deep trial."""

FEWEST_STEPS = 100
"""Steps below which tuning a suffix is no longer worth trying."""

BASELINE_SIZES = (96, 64)
"""Sides in pixels for the small network from scratch: what it learns from few images is not in finer detail, and
where time is short it learns more from more epochs of smaller images."""


@dataclass(frozen=True)
class Plan:
    """What is going to happen: the search space, and what a trial may cost. ``cap`` is the seconds of training that
    any one trial may take; None without a limit. ``folds`` are those on which trials are compared."""

    space: SearchSpace
    costs: Costs
    left_out: tuple[LeftOut, ...]
    cap: float | None
    folds: tuple[Fold, ...]

    def folds_of(self, spec: TrialSpec) -> tuple[Fold, ...]:
        """The folds of a trial: all for a linear probe, for a trained one as many as its cap allows."""
        return self.folds if spec.is_linear_probe else self.folds[: self.costs.trained_folds]


def choose_policies(config: RunConfig, plugins: PluginFacts) -> tuple[str, ...]:
    """The augmentation policies of the search, "none" first. Raises ``PluginError`` for one that is not there."""
    for name in config.augment:
        if name != "none" and name not in plugins.augmentations:
            broken = next((b for b in plugins.broken if b[0] == "augmentation" and b[1] == name), None)
            if broken:
                raise PluginError(f"The augmentation {name!r} of {broken[2]} cannot be used: {broken[3]}.")
            choices = ", ".join(["none", *sorted(plugins.augmentations)])
            raise PluginError(f"There is no augmentation {name!r}; choose one of {choices}, or install its plugin.")
    wanted = config.augment or tuple(p for p in DEFAULT_POLICIES if p == "none" or p in plugins.augmentations)
    return known_policies(wanted)


def sizes_of(found: Sequence[Found], survey: Survey, config: RunConfig) -> list[int]:
    """The side in pixels from which each candidate starts."""
    median = survey.median_short_side
    return [
        starting_size(f.backbone.default_image_size, f.backbone.min_image_size, median, config.image_size)
        for f in found
    ]


def baseline_sizes(base_size: int) -> list[int]:
    """The sides in pixels that the small network from scratch may have, largest first."""
    return sorted({min(size, base_size) for size in BASELINE_SIZES}, reverse=True)


def make_plan(context: RunContext, found: Sequence[Found], sizes: Sequence[int], left_out: Sequence[LeftOut]) -> Plan:
    """Measure every candidate, settle its size and the number of steps, and give the search space."""
    broken = _measure_all(context, found, sizes)
    open_pool(context, *baseline_sizes(context.data.base_size))
    config, data = context.config, context.data
    cap = context.budget.share("baseline")
    candidates = tuple(context.facts)
    steps = schedule(len(data.fold.train), config.batch_size, config.epochs)
    space = SearchSpace(
        candidates,
        choose_policies(config, context.plugins),
        steps,
        len(data.fold.train),
        config.batch_size,
        config.seed,
    )
    costs = Costs(context.facts, len(data.pool), folds=len(data.folds))
    if cap is not None and config.epochs is None:
        space = replace(space, steps=_fitting_steps(space, costs, cap))
    costs.trained_folds = _trained_folds(space, costs, cap)
    return Plan(space, costs, (*left_out, *broken), cap, data.folds)


def _measure_all(context: RunContext, found: Sequence[Found], sizes: Sequence[int]) -> list[LeftOut]:
    """Measure every candidate; gives those whose plugin fails, which is fatal only for what the user named."""
    broken = []
    for item, size in zip(found, sizes, strict=True):
        try:
            facts = _measured(context, item, size)
            context.facts[facts.candidate] = facts
        except (TrialError, PluginError, WeightsError, WorkerDiedError) as error:
            broken.append(plugin_failed(context, item.backbone.name, item.weights.name, error))
    if not context.facts:
        raise nothing_usable(broken)
    return broken


def plugin_failed(context: RunContext, backbone: str, weights: str, error: TlsearchError) -> LeftOut:
    """What to say of a candidate whose plugin failed with ``error``. Raises where the user named it."""
    config, label, reason = context.config, f"{backbone}@{weights}", str(error).rstrip(".")
    added = context.plugins.weights.get(label)
    own = next(f"{b.distribution} {b.version}" for b in context.plugins.backbones if b.name == backbone)
    named = {text for text in config.backbones if "@" in text or added is None}
    named |= {"@".join(parse_weights(text)[:2]) for text in config.weights}
    if not {backbone, label} & named:
        return LeftOut(label, f"its plugin {added or own} fails: {reason}")
    if isinstance(error, WeightsError):
        raise error
    raise PluginError(f"{label} of {added or own} cannot be used: {reason}.") from error


def nothing_usable(broken: Sequence[LeftOut]) -> PluginError:
    """The error where no backbone is left."""
    return PluginError("No backbone can be used: " + "; ".join(f"{b.backbone}, {b.reason}" for b in broken) + ".")


def open_pool(context: RunContext, *more: int) -> None:
    """Give the worker the pool at all sizes (and ``more``), with what is known of the candidates; repeated in every
    new process."""
    data, config = context.data, context.config
    sizes = [c.image_size for c in context.facts] + [*more]
    context.worker.setup(
        "open_pool",
        pixels=pool_at(data, sizes, context.work),
        labels=data.labels,
        groups=data.groups,
        classes=data.index.classes,
        digest=pool_digest(data),
        cache_dir=str(cache_dir(config.cache_dir)),
        cache_limit=config.cache_limit,
        metric=data.metric,
        facts=tuple(context.facts.values()),
    )


def measure(context: RunContext, candidate: Candidate, train_at: float) -> CandidateFacts:
    """What is known of a candidate once it was measured; ``train_at`` is the frozen share at which a training step is
    timed."""
    facts: CandidateFacts = context.checkpoint.get_or_compute(
        ("measure", candidate, train_at),
        CandidateFacts,
        lambda: context.worker.call("measure", candidate=candidate, train_at=train_at),
    )
    return facts


def _measured(context: RunContext, found: Found, size: int) -> CandidateFacts:
    """Measure a candidate, at a smaller size where its first view would take too long."""
    limit = context.budget.limit
    weights = found.weights
    candidate = Candidate(found.backbone.name, weights.name, str(weights.file), weights.weights_id, size, 0)
    while True:
        context.reporter.progress("plan", 0, 1, f"measuring {candidate.label} at {candidate.image_size} px")
        open_pool(context, candidate.image_size)
        facts = measure(context, candidate, TIMED_SHARE)
        if limit is None or context.config.image_size is not None:
            return facts
        seconds = facts.forward_seconds * len(context.data.pool)
        allowed = FIRST_VIEW_SHARE * limit
        smaller = candidate.image_size - SIZE_STEP
        if seconds <= allowed or smaller < max(SIZE_STEP, found.backbone.min_image_size):
            return facts
        while smaller - SIZE_STEP >= max(SIZE_STEP, found.backbone.min_image_size) and (
            seconds * (smaller / candidate.image_size) ** 2 > allowed
        ):
            smaller -= SIZE_STEP
        candidate = replace(candidate, image_size=smaller)


def _fitting_steps(space: SearchSpace, costs: Costs, cap: float) -> int:
    """The schedule, or as many steps as let one candidate tune its last half, with the views that this takes, within
    the cap of one trial."""

    def too_long(steps: int) -> bool:
        return min(costs.seconds(spec) for spec in _tuned_halves(replace(space, steps=steps))) > cap

    # Time rises with the steps, and with the views that a longer schedule takes: a bisection finds the last that fits.
    fitting = bisect_left(range(space.steps + 1), True, key=too_long) - 1
    return min(space.steps, max(FEWEST_STEPS, fitting))


def _trained_folds(space: SearchSpace, costs: Costs, cap: float | None) -> int:
    """On how many folds a trained trial runs: as many as let one candidate tune its last half within the cap."""
    if cap is None:
        return costs.folds
    halves = _tuned_halves(space)
    fitting = [n for n in range(2, costs.folds + 1) if min(costs.seconds_on(spec, n) for spec in halves) <= cap]
    return max(fitting, default=1)


def _tuned_halves(space: SearchSpace) -> list[TrialSpec]:
    """For every candidate the trial that tunes its last half, as the warm start has it."""
    return [
        space.spec(space.params(candidate, train_suffix=True, freeze_depth=depths_of(candidate)[0], policy="standard"))
        for candidate in space.candidates
    ]
