"""How honest probabilities are: expected calibration error, log loss, and a temperature that fixes them.

References: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017 (15 bins, temperature
scaling). Whether a temperature is needed at all is a score test, after Spiegelhalter, Stat. Med. 5 (1986) 421.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.models.temperature import divide_by_temperature, logarithms_of
from tlsearch.stats.metrics import log_loss
from tlsearch.types import Float64Array, LabelArray

BINS = 15
"""Equal-width bins of the highest probability."""

TEMPERATURES = (0.25, 4.0)
"""What a temperature may be."""

USUAL = 0.5
"""Standard deviation of the logarithm of temperatures, as a prior: few images that are all right would ask for 0."""

SOFTEN, SHARPEN = 0.05, 0.001
"""A temperature is shown to help below this p-value: one above 1, and one below 1.

Probabilities that are too sure do harm, and a model that was chosen for its validation score looks less sure on those
images than it is right. So making it surer takes more evidence. benchmarks/statistics/calibration.py shows what other
rules do.
"""

_CHANCE_DRAWS = 200


@dataclass(frozen=True)
class CalibrationBin:
    """The test images whose highest probability lies in one bin.

    It has how many they are, their mean probability, and the share that is right.
    """

    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class CalibrationScore:
    """How honest probabilities are on test.

    ``ece`` is the expected calibration error, ``ece_by_chance`` what it would be on average on as many images if every
    probability were true. ``log_loss`` is in nats. ``bins`` are those that hold images, from low to high confidence.
    ``design_effect`` is by how much groups of images that are alike make the variance of their sums larger, 1 where all
    images are independent.
    """

    ece: float
    ece_by_chance: float
    log_loss: float
    bins: tuple[CalibrationBin, ...]
    design_effect: float = 1.0


@dataclass(frozen=True, kw_only=True)
class FittedTemperature:
    """A temperature, and whether it is needed.

    ``value`` was fitted on ``images`` validation images. ``p_value`` is how easily probabilities that are true would
    ask so strongly for a change in this direction, and ``helps`` whether that shows that it helps.
    """

    value: float
    images: int
    p_value: float
    helps: bool


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Probabilities on test as they are, and after division of their logarithms by ``temperature``.

    The temperature was fitted on ``fitted_on`` validation images. Where trials are compared on folds these are of the
    models of the folds, while the tested model was trained on all of them. ``bins`` equal-width bins are used.
    ``by_default`` says whether the saved model's predictions have the temperature unless somebody asks otherwise, and
    ``p_value`` is that of "no temperature is needed" on the validation images, None where it is not known.
    """

    temperature: float
    fitted_on: int
    bins: int
    before: CalibrationScore
    after: CalibrationScore
    by_default: bool = False
    p_value: float | None = None


def calibrate(
    fitted: FittedTemperature,
    test_probabilities: npt.ArrayLike,
    test_labels: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
) -> Calibration:
    """The calibration on test before and after a temperature that validation images alone decided.

    Probabilities have shape (N, classes), labels (N,), N >= 1. ``groups`` are numbers of groups, shape (N,), whose
    images are not independent; None where images are.
    """
    test, truth = np.asarray(test_probabilities, np.float64), np.asarray(test_labels, np.intp)
    return Calibration(
        temperature=fitted.value,
        fitted_on=fitted.images,
        bins=BINS,
        before=score_calibration(test, truth, groups),
        after=score_calibration(divide_by_temperature(test, fitted.value), truth, groups),
        by_default=fitted.helps,
        p_value=fitted.p_value,
    )


def judge_temperature(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike | None = None
) -> FittedTemperature:
    """Fit a temperature to images that the model had not seen, and say whether it is shown to help.

    Args:
        probabilities: Those of the model, shape (N, classes), N >= 1.
        labels: The true classes, shape (N,).
        groups: Numbers of groups, shape (N,), whose images are not independent; None where images are.

    Returns:
        The temperature. It helps where the log loss falls in its direction by more than chance explains: if the
        probabilities were true, the derivative of the log loss by the inverse temperature, at 1, would have mean 0 and
        a variance and skewness that they tell themselves. Its distribution is taken as Pearson's type III.
    """
    from scipy.stats import pearson3

    p, held = np.asarray(probabilities, np.float64), np.asarray(labels, np.intp)
    value = fit_temperature(p, held)
    logarithms = logarithms_of(p)
    expected = (p * logarithms).sum(axis=1, keepdims=True)
    excess = logarithms - expected  # of each class, if it were the true one
    variance = max(float((p * excess**2).sum()), 1e-12)
    seen = excess[np.arange(len(held)), held]
    # Images that are alike make a sum as wide and as skewed as one of fewer images.
    spread = float(np.sqrt(_design_effect(seen, groups)))
    skewness = spread * float((p * excess**3).sum()) / variance**1.5
    z = float(seen.sum()) / (spread * float(np.sqrt(variance)))
    # Less sure than they should be: labels that are more probable than expected ask for a temperature below 1.
    surer = z > 0
    p_value = float(pearson3.sf(z, skewness) if surer else pearson3.cdf(z, skewness))
    helps = p_value < (SHARPEN if surer else SOFTEN) and surer == (value < 1)
    return FittedTemperature(value=value, images=len(held), p_value=p_value, helps=helps)


def _design_effect(values: Float64Array, groups: npt.ArrayLike | None) -> float:
    """By how much groups of images that are alike make the variance of a sum larger; at least 1."""
    unit = np.unique(np.asarray(groups), return_inverse=True)[1] if groups is not None else np.arange(len(values))
    rest = values - values.mean()
    single = float((rest**2).sum())
    return max(1.0, float((np.bincount(unit, weights=rest) ** 2).sum()) / single) if single > 0 else 1.0


def fit_temperature(probabilities: Float64Array, labels: LabelArray) -> float:
    """The most probable temperature, by the log loss of the images and what is usual."""
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    low, high = TEMPERATURES
    logarithms = logarithms_of(probabilities)
    true = logarithms[np.arange(len(labels)), labels].mean()

    def loss(inverse: float) -> float:
        unusual = (np.log(inverse) / USUAL) ** 2 / (2 * len(labels))
        return float(logsumexp(inverse * logarithms, axis=1).mean() - inverse * true + unusual)

    found = minimize_scalar(loss, bounds=(1 / high, 1 / low), method="bounded", options={"xatol": 1e-4})
    return float(1 / found.x)


def score_calibration(
    probabilities: Float64Array, labels: LabelArray, groups: npt.ArrayLike | None = None
) -> CalibrationScore:
    """Expected calibration error of the highest probability with its bins, and log loss.

    What chance makes of the error is a mean of absolute sums over images, and grows as their standard deviation does
    where images come in ``groups``.
    """
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    numbers = np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1)
    bins = tuple(
        CalibrationBin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in (numbers == number for number in range(BINS))
        if inside.any()
    )
    design_effect = _design_effect(right - confidence, groups)
    return CalibrationScore(
        ece=_error(numbers, right - confidence),
        ece_by_chance=min(1.0, float(np.sqrt(design_effect)) * _error_by_chance(numbers, confidence)),
        log_loss=log_loss(probabilities, labels),
        bins=bins,
        design_effect=design_effect,
    )


def _error(place: LabelArray, excess: Float64Array) -> float:
    """Sum over bins of |right - confidence|, by images."""
    return float(np.abs(np.bincount(place, weights=excess)).sum() / len(excess))


def _error_by_chance(place: LabelArray, confidence: Float64Array) -> float:
    """The mean error where every probability is true: few images in a bin differ from it by luck."""
    rng = np.random.default_rng(0)
    draws = [_error(place, (rng.random(len(confidence)) < confidence) - confidence) for _ in range(_CHANCE_DRAWS)]
    return float(np.mean(draws))
