"""What may be claimed from the test split: scores, intervals, and the gains over probe and baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.effective_size import Design, linear_parts
from tlsearch.stats.intervals import amended_wilson, tango
from tlsearch.stats.metrics import as_labels, score
from tlsearch.stats.permutation import FEWEST_DISCORDANT, mcnemar_midp, paired_permutation
from tlsearch.types import Interval, LabelArray


class _Tested:
    """What was tested by either of the two tests."""

    mcnemar_midp: float | None
    permutation_p: float | None

    @property
    def p_value(self) -> float | None:
        """The p-value of the difference, by either test; None where there is none."""
        return self.mcnemar_midp if self.mcnemar_midp is not None else self.permutation_p


@dataclass(frozen=True, kw_only=True)
class Difference(_Tested):
    """Winner minus another model on the same test images, in the metric of the run.

    ``discordant`` counts images that only the winner has right and that only the other has right.
    ``mcnemar_midp`` is for accuracy on independent images; ``permutation_p`` for the other metrics and for
    grouped images. Both are None below 6 discordant pairs or groups.
    """

    difference: float
    ci95: Interval
    discordant: tuple[int, int]
    mcnemar_midp: float | None = None
    permutation_p: float | None = None


@dataclass(frozen=True, kw_only=True)
class Gain(_Tested):
    """What the winner gained on test over the baseline, and over the best linear probe.

    The first fields are those of ``Difference``, with ``test`` the difference; None where there is no
    baseline.
    """

    test: float | None = None
    ci95: Interval | None = None
    discordant: tuple[int, int] | None = None
    mcnemar_midp: float | None = None
    permutation_p: float | None = None
    over_linear_probe: Difference | None = None


@dataclass(frozen=True)
class Estimate:
    """A score on test and its 95 % interval."""

    value: float
    ci95: Interval


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The test figures of a run. ``majority`` is the score of the best answer that is the same for every test image.

    In a metric that is made of counts that is the class most frequent in test.
    """

    winner: Estimate
    linear_probe: Estimate
    baseline: Estimate | None
    gain: Gain
    majority: float


@dataclass(frozen=True)
class ModelPredictions:
    """Class numbers of shape (N,), as each model predicted them, in the same order."""

    winner: npt.ArrayLike
    linear_probe: npt.ArrayLike
    baseline: npt.ArrayLike | None = None


def make_claims(
    y: npt.ArrayLike,
    models: ModelPredictions,
    metric: CountMetric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> Claims:
    """The claims from the true class numbers ``y`` of shape (N,) and the predictions of the models.

    ``groups`` numbers the images that belong together; None, or all different, means that images are
    independent.
    """
    over_probe = compare(y, models.winner, models.linear_probe, metric, seed, groups)
    gain = Gain(over_linear_probe=over_probe)
    if models.baseline is not None:
        over = compare(y, models.winner, models.baseline, metric, seed, groups)
        gain = Gain(
            test=over.difference,
            ci95=over.ci95,
            discordant=over.discordant,
            mcnemar_midp=over.mcnemar_midp,
            permutation_p=over.permutation_p,
            over_linear_probe=over_probe,
        )
    (truth,) = as_labels(y)
    return Claims(
        winner=estimate(y, models.winner, metric, groups),
        linear_probe=estimate(y, models.linear_probe, metric, groups),
        baseline=None if models.baseline is None else estimate(y, models.baseline, metric, groups),
        gain=gain,
        majority=score(truth, np.full(len(truth), np.bincount(truth).argmax()), metric),
    )


def estimate(
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    metric: CountMetric = "accuracy",
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """A score with its interval.

    It is Wilson's (amended near 0 and 1), on the effective number of images for macro metrics and where images come in
    groups.
    """
    truth, predictions = as_labels(y, predicted)
    return estimate_at(score(truth, predictions, metric), truth, predictions, metric, groups, level)


def estimate_at(
    value: float,
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    metric: CountMetric = "accuracy",
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """A score that was corrected, with the interval of a score of that value on these images and answers."""
    truth, predictions = as_labels(y, predicted)
    unit = _real_groups(groups)
    images = float(len(truth))
    if metric != "accuracy" or unit is not None:
        parts = linear_parts(truth, predictions, metric)
        images = Design.of(truth, metric, unit).effective_images(parts, value * (1 - value), level)
    return Estimate(value, amended_wilson(value * images, images, level))


def compare(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: CountMetric = "accuracy",
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
    p = p_value(truth, (one, two), metric, seed, unit)
    independent = metric == "accuracy" and unit is None
    return Difference(
        difference=difference,
        ci95=interval,
        discordant=(b, c),
        mcnemar_midp=p if independent else None,
        permutation_p=None if independent else p,
    )


def p_value(
    y: npt.ArrayLike,
    pair: tuple[npt.ArrayLike, npt.ArrayLike],
    metric: CountMetric = "accuracy",
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
    permutations: int = 9999,
) -> float | None:
    """Two-sided p-value for "both models are as good".

    It is McNemar's mid-p for accuracy of independent images, else that of a permutation of images, or of whole groups.
    None below 6 discordant images (or groups).
    """
    truth, one, two = as_labels(y, *pair)
    unit = _real_groups(groups)
    lead = (one == truth).astype(np.float64) - (two == truth)
    if metric == "accuracy" and unit is None:
        return mcnemar_midp(int((lead > 0).sum()), int((lead < 0).sum()))
    discordant = np.count_nonzero(lead if unit is None else np.bincount(unit, weights=lead))
    if discordant < FEWEST_DISCORDANT:
        return None
    return paired_permutation(truth, (one, two), metric, permutations, seed, unit)


def difference_interval(
    y: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    metric: CountMetric = "accuracy",
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
    # In macro F1 wrong predictions count too, so that models which are right on the same images may differ.
    discordant = min(1.0, max(discordant, abs(difference)))
    images = float(len(truth))
    if metric != "accuracy" or unit is not None:
        parts = linear_parts(truth, one, metric) - linear_parts(truth, two, metric)
        images = design.effective_images(parts, discordant - difference**2, level)
    # Rounding leaves -1e-17 of a count of 0.
    b, c = (max(0.0, discordant + sign * difference) / 2 for sign in (1, -1))
    return tango(b * images, c * images, images, level)


def _real_groups(groups: npt.ArrayLike | None) -> LabelArray | None:
    """Group numbers from 0, or None where every image is its own group."""
    if groups is None:
        return None
    names, unit = np.unique(np.asarray(groups), return_inverse=True)
    return None if len(names) == len(unit) else unit.astype(np.intp)
