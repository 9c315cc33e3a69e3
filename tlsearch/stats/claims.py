"""What may be claimed from the test split: scores, intervals, and the gains over probe and baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.config import Metric
from tlsearch.results.schema.run import Difference, Gain, Interval
from tlsearch.stats.effective_size import Design, linear_parts
from tlsearch.stats.intervals import FEWEST_DISCORDANT, amended_wilson, mcnemar_midp, tango
from tlsearch.stats.metrics import Labels, as_labels, score
from tlsearch.stats.permutation import paired_permutation


@dataclass(frozen=True)
class Estimate:
    """A score on test and its 95 % interval."""

    value: float
    ci95: Interval


@dataclass(frozen=True)
class Claims:
    """The test figures of a run. ``majority`` is the score of always guessing the class most frequent in
    test."""

    winner: Estimate
    linear_probe: Estimate
    baseline: Estimate | None
    gain: Gain
    majority: float


def make_claims(
    y: npt.ArrayLike,
    winner: npt.ArrayLike,
    probe: npt.ArrayLike,
    baseline: npt.ArrayLike | None,
    metric: Metric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Claims:
    """The claims from class numbers of shape (N,): true, and as each model called them, in the same order.

    ``groups`` numbers the images that belong together; None, or all different, means that images are
    independent.
    """
    over_probe = compare(y, winner, probe, metric, seed, groups)
    gain = Gain(over_linear_probe=over_probe)
    if baseline is not None:
        over = compare(y, winner, baseline, metric, seed, groups)
        gain = Gain(over.difference, over.ci95, over.discordant, over.mcnemar_midp, over.permutation_p, over_probe)
    (truth,) = as_labels(y)
    return Claims(
        estimate(y, winner, metric, groups),
        estimate(y, probe, metric, groups),
        None if baseline is None else estimate(y, baseline, metric, groups),
        gain,
        score(truth, np.full(len(truth), np.bincount(truth).argmax()), metric),
    )


def estimate(
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    metric: Metric = "accuracy",
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """A score with its interval: Wilson's (amended near 0 and 1), on the effective number of images for macro metrics
    and where images come in groups."""
    truth, guess = as_labels(y, predicted)
    unit = _real_groups(groups)
    value = score(truth, guess, metric)
    images = float(len(truth))
    if metric != "accuracy" or unit is not None:
        parts = linear_parts(truth, guess, metric)
        images = Design.of(truth, metric, unit).effective_images(parts, value * (1 - value), level)
    return Estimate(value, amended_wilson(value * images, images, level))


def compare(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Difference:
    """``first`` minus ``second`` with the interval of ``difference_interval`` and the p-value of ``p_value``."""
    truth, one, two = as_labels(y, first, second)
    unit = _real_groups(groups)
    lead = (one == truth).astype(np.float64) - (two == truth)
    b, c = int((lead > 0).sum()), int((lead < 0).sum())
    difference = score(truth, one, metric) - score(truth, two, metric)
    interval = difference_interval(truth, one, two, metric, unit)
    p = p_value(truth, one, two, metric, seed, unit)
    if metric == "accuracy" and unit is None:
        return Difference(difference, interval, (b, c), p)
    return Difference(difference, interval, (b, c), None, p)


def p_value(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
    permutations: int = 9999,
) -> float | None:
    """Two-sided p-value for "both models are as good": McNemar's mid-p for accuracy of independent images, else of a
    permutation of images, or of whole groups. None below 6 discordant images (or groups)."""
    truth, one, two = as_labels(y, first, second)
    unit = _real_groups(groups)
    lead = (one == truth).astype(np.float64) - (two == truth)
    if metric == "accuracy" and unit is None:
        return mcnemar_midp(int((lead > 0).sum()), int((lead < 0).sum()))
    discordant = np.count_nonzero(lead if unit is None else np.bincount(unit, weights=lead))
    if discordant < FEWEST_DISCORDANT:
        return None
    return paired_permutation(truth, one, two, metric, permutations, seed, unit)


def difference_interval(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric = "accuracy",
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Tango's interval for the score of ``first`` minus that of ``second`` on the same images.

    Macro metrics and groups: that of as many independent pairs as the test set is worth, with the same difference and
    the same (weighted) share of discordant pairs.
    """
    truth, one, two = as_labels(y, first, second)
    unit = _real_groups(groups)
    difference = score(truth, one, metric) - score(truth, two, metric)
    design = Design.of(truth, metric, unit)
    discordant = float(design.weight[(one == truth) != (two == truth)].sum())
    # In macro F1 wrong answers count too, so that models which are right on the same images may differ.
    discordant = min(1.0, max(discordant, abs(difference)))
    images = float(len(truth))
    if metric != "accuracy" or unit is not None:
        parts = linear_parts(truth, one, metric) - linear_parts(truth, two, metric)
        images = design.effective_images(parts, discordant - difference**2, level)
    # Rounding leaves -1e-17 of a count of 0.
    b, c = (max(0.0, discordant + sign * difference) / 2 for sign in (1, -1))
    return tango(b * images, c * images, images, level)


def _real_groups(groups: npt.ArrayLike | None) -> Labels | None:
    """Group numbers from 0, or None where every image is its own group."""
    if groups is None:
        return None
    names, unit = np.unique(np.asarray(groups), return_inverse=True)
    return None if len(names) == len(unit) else unit.astype(np.intp)
