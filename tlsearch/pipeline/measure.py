"""What is measured on this machine: networks and augmentations, each once in the life of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.scan import SIZE_STEP, pool_at, pool_digest
from tlsearch.pipeline.scratch_time import ENOUGH_EPOCHS, costs_of
from tlsearch.types import Candidate
from tlsearch.utils.cache_folders import features_dir
from tlsearch.worker.protocol import MeasureCandidate, MeasureRendering, OpenPool

FIRST_VIEW_SHARE = 0.05
"""Share of the time limit into which the first view of a candidate must fit."""
TIMED_SHARE = 0.4
"""The share of its cut points that is frozen where a candidate's step is timed: as in a usual deep trial."""


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
        )
    )


def measure_at_fitting_size(
    context: RunContext,
    data: Data,
    measured: Mapping[Candidate, MeasuredCandidate],
    found: AvailableCandidate,
    size: int,
) -> MeasuredCandidate:
    """Measure a candidate, at a smaller size where its first view would take too long."""
    limit, weights = context.budget.limit, found.weights
    candidate = Candidate(
        backbone=found.backbone.name,
        weights=weights.name,
        weights_file=str(weights.file),
        weights_id=weights.weights_id,
        image_size=size,
        depth=0,
    )
    smallest = max(SIZE_STEP, found.backbone.min_image_size)
    while True:
        context.callbacks.on_progress("plan", 0, 1, f"measuring {candidate.label} at {candidate.image_size} px")
        open_pool(context, data, measured, candidate.image_size)
        if limit is None or context.config.image_size is not None or candidate.image_size - SIZE_STEP < smallest:
            return _measure(context, candidate, TIMED_SHARE)
        allowed = FIRST_VIEW_SHARE * limit / len(data.pool)
        facts = _measure(context, candidate, TIMED_SHARE, allowed)
        if facts.forward_seconds <= allowed:
            return facts
        # The work of a convolutional network is proportional to the number of pixels.
        smaller = candidate.image_size - SIZE_STEP
        while smaller - SIZE_STEP >= smallest and (
            facts.forward_seconds * (smaller / candidate.image_size) ** 2 > allowed
        ):
            smaller -= SIZE_STEP
        candidate = replace(candidate, image_size=smaller)


def measure_rendering(context: RunContext, policies: Sequence[str], size: int) -> Mapping[str, float]:
    """Give the seconds that each policy takes to render a pixel; those of which nothing is known are missing.

    Without a limit of time nothing depends on it, and nothing is measured.
    """
    if context.budget.limit is None:
        return {}
    request = MeasureRendering(policies=tuple(p for p in policies if p != "none"), image_size=size)
    known: Mapping[str, float] = context.checkpoint.get_or_compute(
        ("measure rendering", request.policies, size), dict[str, float], lambda: context.worker.send(request)
    )
    return known


def measure_small_network(
    context: RunContext, data: Data, budget: float | None, render_seconds: float
) -> tuple[MeasuredCandidate, ...]:
    """Measure the small network at its largest size, and at the next ones where it is too slow for ``budget`` seconds.

    A size is too slow where 30 epochs do not fit. ``render_seconds`` are those for a pixel.
    """
    found: list[MeasuredCandidate] = []
    for size in baseline_sizes(data.base_size):
        candidate = Candidate(
            backbone=SmallCNN.name, weights=None, weights_file=None, weights_id="", image_size=size, depth=0
        )
        found.append(_measure(context, candidate, 0.0))
        times = costs_of(data, render_seconds)
        if budget is None or times.halving_seconds(found[-1], ENOUGH_EPOCHS) <= budget:
            break
    return tuple(found)


def _measure(
    context: RunContext, candidate: Candidate, train_at: float, slowest: float | None = None
) -> MeasuredCandidate:
    facts: MeasuredCandidate = context.checkpoint.get_or_compute(
        ("measure", candidate, train_at),
        MeasuredCandidate,
        lambda: context.worker.send(MeasureCandidate(candidate=candidate, train_at=train_at, slowest=slowest)),
    )
    return facts
