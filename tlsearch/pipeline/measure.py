"""What is measured on this machine: networks and augmentations, each once in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tlsearch.config_values import to_plain
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.shortest_limit import may_take
from tlsearch.pipeline.scan import SIZE_STEP, pool_at, pool_digest
from tlsearch.pipeline.scratch_time import ENOUGH_EPOCHS, costs_of
from tlsearch.types import Candidate
from tlsearch.utils.cache_folders import features_dir
from tlsearch.worker.protocol import MeasureCandidate, MeasureRendering, OpenPool

FIRST_VIEW_SHARE = 0.05
"""Share of the time limit into which the first view of a candidate must fit."""
TIMED_SHARE = 0.4
"""The share of its cut points that is frozen where a candidate's step is timed: as in a usual deep trial."""


RENDERING_SHARE = 0.02
"""Share of the time limit after which no more augmentations are timed."""

BASELINE_SIZES = (96, 64)
"""Sides in pixels for the small network from scratch: in short time it learns more from epochs than from detail."""


def baseline_sizes(base_size: int) -> list[int]:
    """The sides in pixels that the small network from scratch may have, largest first."""
    return sorted({min(size, base_size) for size in BASELINE_SIZES}, reverse=True)


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
            shared_cache=config.shared_cache and str(to_plain("shared_cache", config.shared_cache)),
        )
    )


def measure_in_full(
    context: RunContext,
    data: Data,
    measured: Mapping[Candidate, MeasuredCandidate],
    found: AvailableCandidate,
    size: int,
) -> MeasuredCandidate:
    """Measure a candidate at ``size``; no step is timed where its first view would take too long.

    With a limit of time that is where it would take longer than its share, or than there is time at all.
    """
    weights = found.weights
    candidate = Candidate(
        backbone=found.backbone.name,
        weights=weights.name,
        weights_file=str(weights.file),
        weights_id=weights.weights_id,
        image_size=size,
        depth=0,
    )
    allowed, limit = _allowed(context, data), context.budget.limit
    if allowed is None and limit is not None:
        allowed = max(0.0, may_take(limit) - context.budget.elapsed()) / len(data.pool)
    return _measure_candidate(context, data, measured, candidate, allowed)


def fitting_size(context: RunContext, data: Data, facts: MeasuredCandidate, smallest: int) -> int:
    """The size at which the first view of a candidate is expected to fit into its time, or the smallest one."""
    size, allowed = facts.candidate.image_size, _allowed(context, data)
    if allowed is None or facts.forward_seconds <= allowed:
        return size
    fewest = min(size, max(SIZE_STEP, smallest))
    # The work of a convolutional network is proportional to the number of pixels.
    fitting = (
        smaller
        for smaller in range(size - SIZE_STEP, fewest, -SIZE_STEP)
        if facts.forward_seconds * (smaller / size) ** 2 <= allowed
    )
    return next(fitting, fewest)


def measure_at_fitting_size(
    context: RunContext,
    data: Data,
    measured: Mapping[Candidate, MeasuredCandidate],
    facts: MeasuredCandidate,
    smallest: int,
) -> MeasuredCandidate:
    """Measure a candidate, of which ``facts`` are known, at the largest size at which its first view fits."""
    while (size := fitting_size(context, data, facts, smallest)) < facts.candidate.image_size:
        candidate = replace(facts.candidate, image_size=size, depth=0)
        allowed = _allowed(context, data) if size > max(SIZE_STEP, smallest) else None
        facts = _measure_candidate(context, data, measured, candidate, allowed)
    if facts.is_timed:
        return facts
    return _measure_candidate(context, data, measured, replace(facts.candidate, depth=0), None)


def _allowed(context: RunContext, data: Data) -> float | None:
    """Seconds an image that a first view may take; None where the size does not depend on time."""
    limit = context.budget.limit
    if limit is None or context.config.image_size is not None:
        return None
    return FIRST_VIEW_SHARE * limit / len(data.pool)


def _measure_candidate(
    context: RunContext,
    data: Data,
    measured: Mapping[Candidate, MeasuredCandidate],
    candidate: Candidate,
    slowest: float | None,
) -> MeasuredCandidate:
    context.callbacks.on_progress("plan", 0, 1, f"measuring {candidate.label} at {candidate.image_size} px")
    open_pool(context, data, measured, candidate.image_size)
    return _measure(context, candidate, TIMED_SHARE, slowest)


def measure_rendering(context: RunContext, policies: Sequence[str], size: int) -> Mapping[str, float]:
    """Give the seconds that each policy takes to render a pixel; those of which nothing is known are missing.

    Without a limit of time nothing depends on it, and nothing is measured. With many of them only the first are.
    """
    limit = context.budget.limit
    if limit is None:
        return {}
    named = tuple(p for p in policies if p != "none")
    request = MeasureRendering(policies=named, image_size=size, seconds=RENDERING_SHARE * limit)
    known: Mapping[str, float] = context.checkpoint.get_or_compute(
        ("measure rendering", request.policies, size), dict[str, float], lambda: context.worker.send(request)
    )
    return known


def measure_small_network(
    context: RunContext, data: Data, budget: float | None, render_seconds: float
) -> tuple[MeasuredCandidate, ...]:
    """Measure the small network at its smallest size, and at larger ones while 30 epochs fit into ``budget`` seconds.

    Without a budget it is measured at its largest size alone. ``render_seconds`` are those for a pixel.

    Returns:
        The network at the sizes that were measured, the largest first.
    """
    sizes, times = baseline_sizes(data.base_size), costs_of(data, render_seconds)
    found: list[MeasuredCandidate] = []
    for size in sizes[:1] if budget is None else reversed(sizes):
        candidate = Candidate(
            backbone=SmallCNN.name, weights=None, weights_file=None, weights_id="", image_size=size, depth=0
        )
        found.insert(0, _measure(context, candidate, 0.0))
        if budget is not None and times.halving_seconds(found[0], ENOUGH_EPOCHS) > budget:
            break
    return tuple(found)


def measure_whole(context: RunContext, data: Data, candidate: Candidate) -> MeasuredCandidate:
    """Measure a network that is to be trained as a whole, and give the worker what was measured."""
    context.callbacks.on_progress("plan", 0, 1, f"measuring {candidate.label} at {candidate.image_size} px")
    open_pool(context, data, {}, candidate.image_size)
    facts = _measure(context, candidate, 0.0)
    open_pool(context, data, {facts.candidate: facts})
    return facts


def _measure(
    context: RunContext, candidate: Candidate, train_at: float, slowest: float | None = None
) -> MeasuredCandidate:
    facts: MeasuredCandidate = context.checkpoint.get_or_compute(
        ("measure", candidate, train_at, slowest is None),
        MeasuredCandidate,
        lambda: context.worker.send(MeasureCandidate(candidate=candidate, train_at=train_at, slowest=slowest)),
    )
    return facts
