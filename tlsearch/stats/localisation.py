"""How well boxes and points fit boxes that people drew.

The pointing game (Zhang et al., ECCV 2016) asks whether the hottest point of a map lies in a box; no tolerance is
given. Box accuracy is the share of images whose box overlaps one that people drew with an intersection over union of at
least 0.3, 0.5 or 0.7; the mean of the three is MaxBoxAccV2 (Choe et al., CVPR 2020, and arXiv 2007.04178), with the
threshold of the map chosen on other images than those scored. Two things are as in practice and not as there: a map
gives one box, around its largest part, and the threshold is one for all three overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.stats.bootstrap import DRAWS, Resampler, percentile_interval
from tlsearch.stats.claims import Estimate, difference_interval, estimate
from tlsearch.types import BoolArray, Float64Array, Interval, LabelArray

OVERLAPS = (0.3, 0.5, 0.7)
"""Intersections over union from which a box counts as right."""


@dataclass(frozen=True, kw_only=True)
class Localised:
    """What a model, or a rule, says of where things are in N images, against the boxes that people drew.

    ``hits``, shape (N,), says whether its point lies in a box; ``overlaps``, shape (N,), is the largest intersection
    over union of its box with one of them.
    """

    hits: BoolArray
    overlaps: Float64Array


@dataclass(frozen=True, kw_only=True)
class BoxScores:
    """Scores of localisation, each with its 95 % interval.

    ``pointing`` is the pointing game, ``box_accuracy`` the mean of the shares in ``by_overlap``, which has the share of
    images whose box overlaps a true one by 0.3, 0.5 and 0.7 at least.
    """

    pointing: Estimate
    box_accuracy: Estimate
    by_overlap: tuple[Estimate, ...]


@dataclass(frozen=True, kw_only=True)
class BoxGain:
    """By how much a model localises better than a rule that looks at no image, with 95 % intervals, on the same images.

    ``pointing`` is the difference in the pointing game, ``box_accuracy`` that in box accuracy.
    """

    pointing: Estimate
    box_accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class Localisation:
    """How well the model says where things are, on ``images`` images that have ``boxes`` boxes of their class.

    The heat map is that of the class of the image. ``threshold`` is the heat from which a place is in the box, as a
    share of the way from the least heat of a map to the greatest. ``threshold_from`` says where it comes from:
    ``validation images``, ``training images`` or ``the run`` with ``threshold_images`` images, or ``default``.

    ``model`` has the scores. ``centre`` has those of a box in the middle of every image, whose sides are
    ``centre_share`` of the image's; that share is chosen on the images that the threshold is chosen on, or, where that
    is no choice of these images, on those that are scored, which favours it. ``whole`` has those of a box around the
    whole image. Both point at the middle. ``over_centre`` and ``over_whole`` say by how much the model is better.
    """

    images: int
    boxes: int
    threshold: float
    threshold_from: str
    threshold_images: int
    centre_share: float
    model: BoxScores
    centre: BoxScores
    whole: BoxScores
    over_centre: BoxGain
    over_whole: BoxGain


def overlap(box: Float64Array, others: Float64Array) -> Float64Array:
    """Give the intersections over union of boxes (..., 4) with each of ``others`` (K, 4): shape (..., K).

    Boxes are left, upper, right, lower edges.
    """
    one = box[..., None, :]
    across = np.minimum(one[..., 2], others[:, 2]) - np.maximum(one[..., 0], others[:, 0])
    down = np.minimum(one[..., 3], others[:, 3]) - np.maximum(one[..., 1], others[:, 1])
    shared = across.clip(0) * down.clip(0)
    union = _area(one) + _area(others) - shared
    result: Float64Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def lies_in(point: Float64Array, boxes: Float64Array) -> bool:
    """Whether a point (x, y) lies in one of the boxes (K, 4)."""
    x, y = point
    inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
    return bool(inside.any())


def box_accuracy(overlaps: Float64Array) -> Float64Array:
    """The mean over ``OVERLAPS`` of whether each overlap reaches it, of the same shape as ``overlaps``."""
    reached: Float64Array = np.mean([overlaps >= least for least in OVERLAPS], axis=0)
    return reached


def best_column(overlaps: Float64Array) -> int:
    """The column of overlaps (N, T) with the best mean box accuracy; the middle one where several are as good."""
    means = box_accuracy(overlaps).mean(axis=0)
    best = np.flatnonzero(means >= means.max() - 1e-12)
    return int(best[len(best) // 2])


def scores(found: Localised, classes: LabelArray, groups: LabelArray, seed: int = 0) -> BoxScores:
    """Give the scores of N images, whose ``classes`` and ``groups`` have the shape (N,)."""
    accuracy = box_accuracy(found.overlaps)
    return BoxScores(
        pointing=_share(found.hits, groups),
        box_accuracy=Estimate(float(accuracy.mean()), _bootstrap(accuracy, classes, groups, seed)),
        by_overlap=tuple(_share(found.overlaps >= least, groups) for least in OVERLAPS),
    )


def gain(model: Localised, rule: Localised, classes: LabelArray, groups: LabelArray, seed: int = 0) -> BoxGain:
    """Give by how much a model is better than a rule on the same N images.

    The interval of the pointing game is Tango's; that of box accuracy comes from resampled images.
    """
    lead = box_accuracy(model.overlaps) - box_accuracy(rule.overlaps)
    truth = np.ones(len(lead), np.intp)
    pointing = float(model.hits.mean() - rule.hits.mean())
    interval = difference_interval(truth, model.hits.astype(np.intp), rule.hits.astype(np.intp), groups=groups)
    return BoxGain(
        pointing=Estimate(pointing, interval),
        box_accuracy=Estimate(float(lead.mean()), _bootstrap(lead, classes, groups, seed)),
    )


def _share(right: BoolArray, groups: LabelArray) -> Estimate:
    """A share with Wilson's interval, on the effective number of images where they come in groups."""
    return estimate(np.ones(len(right), np.intp), right.astype(np.intp), groups=groups)


def _bootstrap(values: Float64Array, classes: LabelArray, groups: LabelArray, seed: int) -> Interval:
    """The interval of a mean over images, of which as many of each class are drawn as there are, whole groups."""
    drawn = Resampler.of(classes, groups).draw(DRAWS, seed)
    return percentile_interval(np.array([values[rows].mean() for rows in drawn]))


def _area(boxes: Float64Array) -> Float64Array:
    area: Float64Array = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return area


def as_rows(boxes: Sequence[tuple[float, float, float, float]]) -> Float64Array:
    """Give boxes as an array (K, 4)."""
    return np.array(boxes, np.float64).reshape(-1, 4)
