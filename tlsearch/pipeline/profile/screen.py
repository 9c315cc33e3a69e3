"""A look at a few images, which leaves out the networks that have no chance, where there are many.

A linear probe of features as they are does not rank networks exactly, and neither does their accuracy on ImageNet;
either alone picks a poor network now and then, both together seldom do (Renggli et al., "Which Model to Transfer?
Finding the Needle in the Growing Haystack", CVPR 2022). So only networks that are far behind are left out, and the one
that is most accurate on ImageNet stays in any case.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tlsearch.data.stratify import draw_stratified
from tlsearch.errors import OutOfTimeError, PluginError, TrialError
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.jobs import Job, run_jobs
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile.timed import NO_TIME, Scores, most_seconds, timed_scores
from tlsearch.results.schema import LeftOut, ScreenedCandidate
from tlsearch.search.cost import COMPILE_SECONDS, FIXED_SECONDS
from tlsearch.types import Candidate
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import ScreenCandidate

MANY = 5
"""From so many networks on there is a look. A run that chooses by itself takes four at most."""

SCREEN_IMAGES = 400
SCREEN_IMAGES_A_CLASS = 20
"""The look is at so many training images, or at so many of each class where that is more. With 400 images and an
accuracy of 0.8 a network has to be 6 points behind to be left out."""

MOST_SEEN = 0.25
"""The largest share of the training images. Where the look would need more, it would save too little: a network has to
be loaded and compiled for it as for the profile."""

DOUBT = 2.0
"""So many standard errors of the difference a network has to be behind the best one."""

_UNSEEN = ("not looked at",)
"""What the checkpoint knows by this: the labels of the candidates at which no look could be taken."""


def screen(context: RunContext, plan: Plan) -> Plan:
    """Leave out the candidates whose best linear probe on a few training images is far behind that of the best one.

    The standard error of a difference is that of two independent scores. Both are of the same images and so agree
    more, so it is rather too large: a candidate stays where there is doubt. One whose plugin fails stays too; the
    profile says what is wrong with it. One that has no time for a look has none for the profile either, and is left
    out; the cheapest network stays.

    Returns:
        The plan without them, and with what was seen. The same plan where there are few candidates, or few images.
    """
    candidates = plan.space.candidates
    rows = screened_rows(plan.data, context.config.seed) if len(candidates) >= MANY else ()
    if not rows:
        return plan
    looks: dict[Candidate, tuple[float, float]] = {}
    late: list[Candidate] = []
    # A run that is resumed asks no more of what could not be looked at.
    known: tuple[str, ...] | None = context.checkpoint.get(_UNSEEN, tuple[str, ...])
    asked, unseen = [c for c in candidates if c.label not in (known or ())], list[str]()
    jobs = [_seen(context, plan, rows, candidate) for candidate in asked]
    for candidate, result in zip(asked, run_jobs(context.pool, jobs), strict=True):
        try:
            looks[candidate] = max(result.result())
        except OutOfTimeError:
            if candidate is not cheapest_of(plan):
                late.append(candidate)
                context.callbacks.on_warning(f"{candidate.label} is left out: {NO_TIME}")
        except (TrialError, PluginError, WorkerDiedError):
            unseen.append(candidate.label)
    if known is None:
        context.checkpoint.put(_UNSEEN, tuple(unseen))
    behind = far_behind(looks, most_accurate(plan))
    screened = tuple(
        ScreenedCandidate(label=c.label, accuracy=accuracy, stderr=error, images=len(rows), stays=c not in behind)
        for c, (accuracy, error) in looks.items()
    )
    context.callbacks.on_step("profile", screen_line(screened))
    space = replace(plan.space, candidates=tuple(c for c in candidates if c not in (*behind, *late)))
    left_out = [LeftOut(c.label, _reason(c, looks, len(rows))) for c in behind]
    left_out += [LeftOut(c.label, NO_TIME) for c in late]
    return replace(plan, space=space, left_out=(*plan.left_out, *left_out), screened=screened)


def cheapest_of(plan: Plan) -> Candidate:
    """Give the candidate that takes the least time for an image."""
    return min(plan.space.candidates, key=lambda candidate: plan.measured[candidate].forward_seconds)


def screened_rows(data: Data, seed: int) -> tuple[int, ...]:
    """Give the rows of the pool that are looked at, every class in its share; none where that were too many."""
    images = max(SCREEN_IMAGES, SCREEN_IMAGES_A_CLASS * len(data.index.classes))
    train = data.training
    if images > MOST_SEEN * len(train):
        return ()
    labels, groups = ([values[row] for row in train] for values in (data.labels, data.groups))
    drawn, _ = draw_stratified(labels, groups, (images / len(train),), (seed,))
    return tuple(train[place] for place in drawn)


def most_accurate(plan: Plan) -> Candidate | None:
    """Give the candidate with the highest published accuracy on ImageNet; None where none is known of any."""
    published = {c: accuracy for c in plan.space.candidates if (accuracy := published_accuracy(plan, c)) is not None}
    return max(published, key=lambda c: published[c], default=None)


def published_accuracy(plan: Plan, candidate: Candidate) -> float | None:
    """Give the accuracy on ImageNet that its weights were published with, 0 to 1; None where it is not known."""
    sources = next((b.sources for b in plan.plugins.backbones if b.name == candidate.backbone), {})
    source = sources.get(candidate.weights or "")
    return None if source is None else source.accuracy


def far_behind(looks: Mapping[Candidate, tuple[float, float]], stays: Candidate | None) -> list[Candidate]:
    """Give the candidates that are further behind the best one than chance explains; never the one that ``stays``.

    ``looks`` holds (accuracy, standard error) of each.
    """
    best, best_error = max(looks.values(), default=(0.0, 0.0))
    return [
        candidate
        for candidate, (accuracy, error) in looks.items()
        if candidate != stays and best - accuracy > DOUBT * math.hypot(error, best_error)
    ]


def screen_line(screened: Sequence[ScreenedCandidate]) -> str:
    """``7 of 12 networks stay after a look at 400 images: efficientnet_lite0@imagenet 0.812, ...; far behind: ...``."""
    if not screened:
        return "no network could be looked at"
    ranked = sorted(screened, key=lambda s: -s.accuracy)
    staying, behind = (
        ", ".join(f"{s.label} {s.accuracy:.3f}" for s in ranked if s.stays is stays) for stays in (True, False)
    )
    count = sum(s.stays for s in screened)
    start = f"{count} of {len(screened)} networks stay after a look at {screened[0].images:,} images: {staying}"
    return f"{start}; far behind: {behind}" if behind else start


def _reason(candidate: Candidate, looks: Mapping[Candidate, tuple[float, float]], images: int) -> str:
    """Why a candidate was left out, with both estimates, and how it takes part all the same."""
    best = max(looks, key=lambda c: looks[c])
    (accuracy, error), (top, top_error) = looks[candidate], looks[best]
    return (
        f"on {images:,} images its best linear probe has {accuracy:.3f} ± {error:.3f}, that of {best.label} "
        f"{top:.3f} ± {top_error:.3f}; with at most {MANY - 1} networks none is left out so"
    )


def _seen(context: RunContext, plan: Plan, rows: tuple[int, ...], candidate: Candidate) -> Job[Scores]:
    seed, seconds = context.config.seed, most_seconds(context.budget)
    request = ScreenCandidate(candidate=candidate, rows=rows, seed=seed, seconds=seconds)
    # Of so few images the time is hardly more than that for the network to be built and compiled.
    estimated = FIXED_SECONDS + COMPILE_SECONDS + plan.measured[candidate].forward_seconds * len(rows)
    return (yield from timed_scores(context, request, ("screen", candidate, rows, seed), estimated))
