"""resize: where images are far from square, the way in which they become squares is chosen by measurement.

To squash gives up the aspect ratio, to pad spends pixels on borders, to crop loses what lies at the ends. Which of it
costs least depends on what tells the classes apart. So the cheapest network looks at training images in all three ways,
and linear probes on its features say in which the classes are told best.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tlsearch.data.images.rgb import PLAIN, RESIZES
from tlsearch.errors import OutOfTimeError, PluginError, TrialError
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.measure import baseline_sizes, open_pool
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.resize.pixels import FOLDER, resized, sample
from tlsearch.report import resizing
from tlsearch.results.schema import Resizing
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.warm_start import depths_of
from tlsearch.training.probe import PROBE_IMAGES
from tlsearch.types import Candidate
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import ProbeImages

LATE = 2.0
"""How many times that share it may take where it turns out to take longer than estimated; then it is given up."""

MOST_TIME = 0.05
"""The share of a time limit that the comparison may take; it is left out where it would take more."""


def choose_resize(context: RunContext, plan: Plan) -> Plan:
    """Choose how images become squares, where that was left open and they are far from square.

    Returns:
        The plan, with the images as the run goes on with them. The worker has them too.
    """
    found = plan.data.resizing
    if found is None or not found.is_open:
        return plan
    with context.budget.measure("resize"):
        chosen = context.checkpoint.get_or_compute(("resize",), Resizing, lambda: _compared(context, plan, found))
        data = replace(resized(context, plan.data, chosen.mode), resizing=chosen)
        open_pool(context, data, plan.measured, *baseline_sizes(data.base_size))
    context.callbacks.on_step("resize", resizing.chosen(chosen))
    return replace(plan, data=data)


def _compared(context: RunContext, plan: Plan, found: Resizing) -> Resizing:
    """What is measured, or why nothing is."""
    candidate = min(plan.space.candidates, key=lambda c: plan.measured[c].cuts.work(len(plan.measured[c].cuts)))
    places = sampled(plan.data.labels, plan.data.training, context.config.seed)
    budget = context.budget
    seconds, most, until = (
        _seconds(context.budget, plan, candidate, len(places)),
        budget.most(MOST_TIME),
        budget.elapsed(),
    )
    until += LATE * most
    if seconds > most:
        why = f"it would take about {seconds:.0f} s, more than {100 * MOST_TIME:.0f} % of the time limit"
        return replace(found, not_measured=why)
    try:
        rates = {
            mode: _right_rates(context, plan, candidate, sample(context, plan.data, places, mode), until)
            for mode in RESIZES
        }
    except OutOfTimeError:
        return replace(found, not_measured=f"it took more than {100 * LATE * MOST_TIME:.0f} % of the time limit")
    except (TrialError, PluginError, WorkerDiedError) as error:
        return replace(found, not_measured=f"{candidate.label} failed: {str(error).rstrip('.')}")
    finally:
        shutil.rmtree(context.work / FOLDER, ignore_errors=True)
    mode, stderr = best_way(rates, [plan.data.groups[place] for place in places])
    scores = {name: float(np.mean(values)) for name, values in rates.items()}
    return replace(found, mode=mode, scores=scores, stderr=stderr, candidate=candidate.label)


def best_way(rates: Mapping[str, Sequence[float]], groups: Sequence[int]) -> tuple[str, float]:
    """Give the way with the best mean, and the standard error of its difference from squashing.

    Squashing wins where the difference lies within one standard error, which is that of pairs: the same image is told
    in both ways. Images of a group are not independent, and are taken together.

    Args:
        rates: By way, for each image how often its class was told right, 0 to 1.
        groups: The group of each image.
    """
    best = max(rates, key=lambda mode: (np.mean(rates[mode]), mode == PLAIN.resize))
    rival = best if best != PLAIN.resize else max(rates.keys() - {PLAIN.resize}, key=lambda mode: np.mean(rates[mode]))
    gains = np.subtract(rates[rival], rates[PLAIN.resize])
    together = np.bincount(np.unique(groups, return_inverse=True)[1], weights=gains - gains.mean())
    count = len(together)
    stderr = math.sqrt(count / (count - 1) * float((together**2).sum())) / len(gains) if count > 1 else math.inf
    return (best if best != PLAIN.resize and gains.mean() > stderr else PLAIN.resize), stderr


def sampled(labels: Sequence[int], training: Sequence[int], seed: int) -> tuple[int, ...]:
    """Positions of at most ``PROBE_IMAGES`` training images, in order: of every class its share, and three at least."""
    if len(training) <= PROBE_IMAGES:
        return tuple(training)
    rng, share, chosen = np.random.default_rng(seed), PROBE_IMAGES / len(training), list[int]()
    own = np.asarray(labels)[list(training)]
    for label in np.unique(own):
        rows = np.asarray(training)[own == label]
        chosen += rng.permutation(rows)[: max(3, math.floor(share * len(rows)))].tolist()
    return tuple(sorted(chosen))


def _seconds(budget: TimeBudget, plan: Plan, candidate: Candidate, images: int) -> float:
    """What the comparison will take: two more decodings, as the first took, and three passes of the network."""
    decoding = budget.timings.get("scan", 0.0) / max(1, len(plan.data.index.images))
    return images * (2 * decoding + len(RESIZES) * plan.measured[candidate].forward_seconds)


def _right_rates(context: RunContext, plan: Plan, candidate: Candidate, data: Data, until: float) -> tuple[float, ...]:
    """For each image, at which share of the depths that suit the network its class is told right.

    Raises ``OutOfTimeError`` where so many seconds since the start of the run have passed.
    """
    open_pool(context, data, {candidate: plan.measured[candidate]})
    depths = {*depths_of(candidate, plan.space.hints_of(candidate)), candidate.depth}
    seconds = None if math.isinf(until) else until - context.budget.elapsed()
    request = ProbeImages(candidate=candidate, depths=tuple(sorted(depths)), seed=context.config.seed, seconds=seconds)
    return context.worker.send(request, context.progress("resize"))
