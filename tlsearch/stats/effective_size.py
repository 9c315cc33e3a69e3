"""How many independent images a test set is worth for a figure: the idea behind every interval but plain accuracy's.

A score interval needs a proportion and a number of images. For an average over classes, and where images come in
groups, the number of independent images that would have the same variance takes the place of the latter (Kish, Survey
Sampling, 1965; Rao and Scott, Biometrics 48 (1992) 577; Korn and Graubard, Survey Methodology 24 (1998) 193). Of the
intervals made in this way, Franco, Little, Louis and Slud (J. Surv. Stat. Methodol. 7 (2019) 334) recommend Wilson's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.intervals import normal_quantile, student_quantile
from tlsearch.types import Float64Array, LabelArray

PRIOR_IMAGES = 2.0
"""Images by whose number the variance within a class is drawn towards that of the score as a whole (a moderated
variance; Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3): a class of one test image knows nothing of its own."""

PRIOR_PAIRS = 4.0
"""Pairs of images in one group that are taken for copies beforehand: few pairs tell little of their correlation."""

NOTHING = 1e-12


@dataclass(frozen=True)
class Design:
    """The test images as they were drawn, each array of shape (N,).

    ``stratum`` is the class for macro metrics, whose test counts are fixed, and 0 for accuracy. ``weight`` is what a
    right answer adds to the score. ``unit`` is the number of the image's group, from 0; None where images are
    independent.
    """

    stratum: LabelArray
    weight: Float64Array
    unit: LabelArray | None

    @classmethod
    def of(cls, y: LabelArray, metric: CountMetric, unit: LabelArray | None) -> Design:
        """The design of images of the classes ``y``: in macro metrics every class weighs the same."""
        if metric == "accuracy":
            return cls(np.zeros_like(y), np.full(len(y), 1 / len(y)), unit)
        support = np.bincount(y)
        return cls(y, 1 / (np.count_nonzero(support) * support[y]), unit)

    def effective_images(self, values: Float64Array, spread: float, level: float) -> float:
        """The number of independent images that a score is worth.

        ``values``, shape (N,), are the linearised parts of the score; a single image has the variance ``spread``. Never
        more than if all classes were equally hard. Where nothing varies, images of a group count as one. The number is
        less by (z / t) squared, which widens the interval from normal to Student quantiles (Korn and Graubard 1998).
        """
        if spread < NOTHING:
            return 1 / self._variance(self.weight, 1.0)
        size = _sums(np.ones(len(values)), self.stratum)
        rest = (values - (_sums(values, self.stratum) / size.clip(1))[self.stratum]) / self.weight
        squares = _sums(rest**2, self.stratum)
        dof, cluster_size, icc = size - 1, np.ones(len(size)), 0.0
        if self.unit is not None:
            icc = _intraclass_correlation(
                rest / _deviation(squares, dof, spread)[self.stratum], self.stratum, self.unit
            )
            cluster_size = np.maximum(1.0, _cluster_size(self.stratum, self.unit))
            # Correlated images leave less variance around the mean of their class.
            dof = (1 - icc) * dof + icc * (size - cluster_size)
        each = self.weight * _deviation(squares, dof, spread)[self.stratum]
        variance = max(self._variance(each, icc), spread * self._variance(self.weight, icc))
        design_effect = 1 + icc * (cluster_size - 1)
        parts = _sums(each**2, self.stratum) * design_effect
        # The degrees of freedom of a sum of variances: Satterthwaite, Biometrics Bulletin 2 (1946) 110.
        total = parts.sum() ** 2 / (parts**2 / (size / design_effect - 1 + PRIOR_IMAGES)).sum()
        return spread / variance * (normal_quantile(level) / student_quantile(level, float(total))) ** 2

    def _variance(self, deviations: Float64Array, icc: float) -> float:
        """The variance of a sum of images with these standard deviations, (N,), correlated by ``icc`` in groups."""
        alone = float((deviations**2).sum())
        together = alone if self.unit is None else float((_sums(deviations, self.unit) ** 2).sum())
        return (1 - icc) * alone + icc * together


def _intraclass_correlation(rest: Float64Array, stratum: LabelArray, unit: LabelArray) -> float:
    """The intraclass correlation (icc) of images of a group, 0 to 1, by the method of moments.

    ``rest`` are standardised residuals around class means, (N,). Sums of squares over images and over groups are set
    equal to their expectations (Searle, Casella and McCulloch, Variance Components, 1992, 5.6).
    """
    from scipy.sparse import csr_array

    size, groups = np.bincount(stratum), np.bincount(unit)
    label, group, count = _cells(stratum, unit)
    share = count**2 / size[label]
    overlap = csr_array((np.sqrt(share), (label, group)))
    images = len(rest)
    lone = images - share.sum()
    pairs = (groups**2).sum() - 2 * (groups[group] * share).sum() + ((overlap @ overlap.T).data ** 2).sum()
    expected = np.array([[images - np.count_nonzero(size), lone], [lone, pairs]])
    if np.linalg.det(expected) < 1e-9 * images**2:
        return 1.0
    own, common = np.linalg.solve(expected, np.array([(rest**2).sum(), (_sums(rest, unit) ** 2).sum()]))
    icc = float(np.clip(common / (own + common), 0, 1)) if own + common > NOTHING else 1.0
    contrasts = images - len(groups)
    return (contrasts * icc + PRIOR_PAIRS) / (contrasts + PRIOR_PAIRS)


def _cluster_size(stratum: LabelArray, unit: LabelArray) -> Float64Array:
    """How many images of its class share a group with an image, itself counted, mean by class; 0 without images."""
    label, _, count = _cells(stratum, unit)
    return np.asarray(_sums(count**2, label) / np.bincount(stratum).clip(1))


def _cells(stratum: LabelArray, unit: LabelArray) -> tuple[LabelArray, LabelArray, Float64Array]:
    """Every pair of a class and a group that has images, and how many it has."""
    wide = int(unit.max()) + 1
    cells, count = np.unique(stratum * wide + unit, return_counts=True)
    return cells // wide, cells % wide, count.astype(np.float64)


def _deviation(squares: Float64Array, dof: Float64Array, spread: float) -> Float64Array:
    """The standard deviation within each stratum, drawn towards that of the score as a whole."""
    deviation: Float64Array = np.sqrt((squares + PRIOR_IMAGES * spread) / (dof.clip(0) + PRIOR_IMAGES))
    return deviation


def _sums(values: Float64Array, labels: LabelArray) -> Float64Array:
    """Sums of ``values`` by label, from label 0 to the highest."""
    return np.bincount(labels, weights=values).astype(np.float64)


def linear_parts(y: LabelArray, predictions: LabelArray, metric: CountMetric) -> Float64Array:
    """What each image adds to the score to first order, shape (N,), up to a constant in each class.

    The test images of each class are given, so that only what they are predicted as is random. Macro F1 is linearised
    in the counts of right images and of predictions (Takahashi et al., Applied Intelligence 52 (2022) 4961).
    """
    right = (predictions == y).astype(np.float64)
    if metric == "accuracy":
        return np.asarray(right / len(y))
    classes = int(max(y.max(), predictions.max())) + 1
    support = np.bincount(y, minlength=classes).astype(np.float64)
    if metric == "balanced_accuracy":
        return np.asarray(right / (np.count_nonzero(support) * support[y]))
    both = support + np.bincount(predictions, minlength=classes)
    hits = np.bincount(y, weights=right, minlength=classes)
    f1 = np.divide(2 * hits, both, out=np.zeros(classes), where=both > 0)
    return np.asarray((2 * right / both[y] - f1[predictions] / both[predictions]) / np.count_nonzero(both))
