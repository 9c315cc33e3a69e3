"""What may be claimed from the test split: scores, intervals, and the gains over probe and baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.config import Metric
from tlsearch.results.parts import Difference, Gain, Interval
from tlsearch.results.resampling import paired_bootstrap, paired_permutation, stratified_bootstrap
from tlsearch.results.scores import Floats, Labels, as_labels, score
from tlsearch.results.statistics import FEWEST_DISCORDANT, mcnemar_midp, tango, wilson


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
        estimate(y, winner, metric, seed, groups),
        estimate(y, probe, metric, seed, groups),
        None if baseline is None else estimate(y, baseline, metric, seed, groups),
        gain,
        score(truth, np.full(len(truth), np.bincount(truth).argmax()), metric),
    )


def estimate(
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    metric: Metric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Estimate:
    """A score with its interval: Wilson's for accuracy (on the effective number of images where they come in
    groups), the stratified bootstrap for macro metrics."""
    truth, guess = as_labels(y, predicted)
    groups = _real_groups(groups)
    value = score(truth, guess, metric)
    if metric != "accuracy":
        return Estimate(value, stratified_bootstrap(truth, guess, metric, seed=seed, groups=groups))
    right = (truth == guess).astype(np.float64)
    effect = 1.0 if groups is None else design_effect(right, groups)
    return Estimate(value, wilson(right.sum() / effect, len(right) / effect))


def compare(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: Metric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Difference:
    """``first`` minus ``second``. Accuracy of independent images: Tango's interval and McNemar's mid-p; of
    grouped images: Tango's interval on the effective number, and a permutation of whole groups. Macro
    metrics: paired bootstrap and permutation. No p-value below 6 discordant images (or groups)."""
    truth, one, two = as_labels(y, first, second)
    groups = _real_groups(groups)
    difference = score(truth, one, metric) - score(truth, two, metric)
    lead = (one == truth).astype(np.float64) - (two == truth)
    b, c = int((lead > 0).sum()), int((lead < 0).sum())
    if metric == "accuracy" and groups is None:
        return Difference(difference, tango(b, c, len(truth)), (b, c), mcnemar_midp(b, c))
    if metric == "accuracy" and groups is not None:
        effect = design_effect(lead, groups)
        interval = tango(b / effect, c / effect, len(truth) / effect)
    else:
        interval = paired_bootstrap(truth, one, two, metric, seed=seed, groups=groups)
    discordant = b + c if groups is None else int(np.count_nonzero(np.bincount(groups, weights=lead)))
    p = None
    if discordant >= FEWEST_DISCORDANT:
        p = paired_permutation(truth, one, two, metric, seed=seed, groups=groups)
    return Difference(difference, interval, (b, c), None, p)


def design_effect(values: Floats, groups: npt.ArrayLike) -> float:
    """How many images count as one, at least 1: variance of the mean over groups by that over images.

    Linearised variance of a ratio (Kish, Survey Sampling, 1965; Rao and Scott, Biometrics 48 (1992) 577).
    Where the values do not vary, images of a group are taken as copies.
    """
    unit = np.unique(np.asarray(groups), return_inverse=True)[1]
    sizes = np.bincount(unit).astype(np.float64)
    simple = float(values.var())
    if simple < 1e-12 or len(sizes) < 2:
        return float((sizes**2).sum() / len(values))
    rest = np.bincount(unit, weights=values) - values.mean() * sizes
    clustered = float((rest**2).sum()) / len(values) * len(sizes) / (len(sizes) - 1)
    return max(1.0, clustered / simple)


def _real_groups(groups: npt.ArrayLike | None) -> Labels | None:
    """Group numbers from 0, or None where every image is its own group."""
    if groups is None:
        return None
    names, unit = np.unique(np.asarray(groups), return_inverse=True)
    return None if len(names) == len(unit) else unit.astype(np.intp)
