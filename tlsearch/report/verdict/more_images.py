"""Would more images help? The answer of the section of that name and the next step of the verdict, from one source.

There are two kinds of evidence. A linear probe on growing shares of the images says whether more of the same kind help;
that speaks of the model that ships only if it is a linear probe. The errors of the winner on test say which classes
need images.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tlsearch.report.numbers import percent, points
from tlsearch.report.text import SIGNIFICANT, metric_name
from tlsearch.results.result import RunResult
from tlsearch.results.schema import MoreData
from tlsearch.stats.permutation import concentrated_errors

HARDLY = 0.01
"""A doubling of the images that surely gains less than this is not worth the effort."""

FEW_ERRORS = 8
"""Errors on test below which they say nothing of the classes that they are in."""

FEW_CLASSES = 4
"""Classes below which two of them are nearly all."""


@dataclass(frozen=True)
class MoreImages:
    """What the section says, empty where nothing was measured, and what the verdict advises, empty where nothing."""

    sentence: str = ""
    step: str = ""


def more_images(result: RunResult, model: str) -> MoreImages:
    """Weigh the evidence: the step never advises what the section says would hardly help, and both name the classes.

    ``model`` is the folder of the model to use, as ``Verdict.model``. The errors are those of the winner, and say
    nothing of another model.
    """
    more, of_winner = result.insights.more_data, model == result.model_of_winner
    classes = _classes_in_need(result) if of_winner else ""
    ships = result.winner.spec.is_linear_probe and of_winner
    helps = ships and more is not None and _helps(more)
    hardly = ships and more is not None and more.gain_ci95[1] < HARDLY
    step = ""
    if classes and not hardly:
        step = f"Add images of {classes}"
    elif helps and more is not None:
        step = f"Add images of all classes: {_figures(more)}."
    if more is None:
        return MoreImages(step=step)
    return MoreImages(_sentence(more, classes, ships=ships), step)


def _sentence(more: MoreData, classes: str, *, ships: bool) -> str:
    """What the section says.

    ``classes`` are those in need with the evidence for them, and ``ships`` says whether the model that ships is a
    linear probe.
    """
    figures, (low, high) = _figures(more), more.gain_ci95
    needed = f" Its errors on test say where: add images of {classes}" if classes else ""
    if not ships:
        which = f" Its errors on test say that it needs images of {classes}" if classes else ""
        return (
            "Whether more images of all classes would help the model that ships is not known, because it is no linear "
            f"probe: {figures}.{which}"
        )
    if high < HARDLY:
        return f"More images of the same kind would hardly help: {figures}."
    if _helps(more):
        return f"More images would probably help: {figures}. The next doubling usually brings somewhat less.{needed}"
    if low > 0:
        return f"More images would help a little: {figures}.{needed}"
    return f"Whether more images would help cannot be told: {figures}.{needed}"


def _helps(more: MoreData) -> bool:
    return more.gain_ci95[0] > 0 and more.last_gain >= HARDLY


def _figures(more: MoreData) -> str:
    low, high = more.gain_ci95
    fewer, most = more.points[-2], more.points[-1]
    return (
        f"from {fewer.images:,} to {most.images:,} images, a linear probe gained {points(more.last_gain)} points "
        f"of {metric_name(more.metric)} [{points(low)}, {points(high)}]"
    )


def _independent(result: RunResult, errors: Sequence[int], images: Sequence[int]) -> tuple[list[int], list[int]]:
    """Errors and images of each class, where images that belong together count once.

    Such images are wrong together, which is no sign of a difficult class. A group counts as an error where half of its
    images of the class are wrong.
    """
    found = result.predictions
    if found is None or len(set(found.groups)) == len(found.groups):
        return list(errors), list(images)
    wrong: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for true, predicted, group in zip(found.true, found.predicted, found.groups, strict=True):
        wrong[true, group].append(true != predicted)
    once = [Counter[int](), Counter[int]()]
    for (true, _), each in wrong.items():
        once[0][true] += 2 * sum(each) >= len(each)
        once[1][true] += 1
    return [once[0][place] for place in range(len(images))], [once[1][place] for place in range(len(images))]


def _classes_in_need(result: RunResult) -> str:
    """The two classes with the most errors on test beyond their share of the images.

    These must be twice as many as their share, or more, and more than chance gives to any two classes, where images
    that belong together count once.
    """
    if result.confusion is None or len(result.confusion.labels) < FEW_CLASSES:
        return ""
    rows = result.confusion.matrix
    images = [sum(row) for row in rows]
    errors = [of_class - row[place] for place, (row, of_class) in enumerate(zip(rows, images, strict=True))]
    total = sum(errors)
    if total < FEW_ERRORS:
        return ""
    worst, p = concentrated_errors(*_independent(result, errors, images))
    share = sum(errors[place] for place in worst) / total
    theirs = sum(images[place] for place in worst) / sum(images)
    if p >= SIGNIFICANT or share < 2 * theirs:
        return ""
    names = " and ".join(result.confusion.labels[place] for place in worst)
    return (
        f"{names}: {percent(share, 0)} of the {total} errors on test are theirs, and {percent(theirs, 0)} of the "
        "images."
    )
