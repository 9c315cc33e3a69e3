"""How honest probabilities are: expected calibration error, log loss, and a temperature that fixes them.

References: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017 (15 bins, temperature
scaling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.stats.metrics import LEAST_PROBABILITY, log_loss
from tlsearch.types import Float64Array, LabelArray

BINS = 15
"""Equal-width bins of the highest probability."""

TEMPERATURES = (0.25, 4.0)
"""What a temperature may be: validation images that are all right would ask for 0."""

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
    """

    ece: float
    ece_by_chance: float
    log_loss: float
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Probabilities on test as they are, and after division of their logarithms by ``temperature``.

    The temperature was fitted on ``fitted_on`` validation images. Where trials are compared on folds these are of the
    models of the folds, while the tested model was trained on all of them. ``bins`` equal-width bins are used.
    """

    temperature: float
    fitted_on: int
    bins: int
    before: CalibrationScore
    after: CalibrationScore


def calibrate(
    val_probabilities: npt.ArrayLike,
    val_labels: npt.ArrayLike,
    test_probabilities: npt.ArrayLike,
    test_labels: npt.ArrayLike,
) -> Calibration:
    """The calibration on test before and after a temperature that validation images alone decided.

    Probabilities have shape (N, classes), labels (N,), N >= 1 on both sides.
    """
    val, test = (np.asarray(p, np.float64) for p in (val_probabilities, test_probabilities))
    held, truth = (np.asarray(y, np.intp) for y in (val_labels, test_labels))
    temperature = fit_temperature(val, held)
    return Calibration(
        temperature=temperature,
        fitted_on=len(held),
        bins=BINS,
        before=score_calibration(test, truth),
        after=score_calibration(divide_by_temperature(test, temperature), truth),
    )


def fit_temperature(probabilities: Float64Array, labels: LabelArray) -> float:
    """The temperature with the lowest log loss; the loss is convex in its inverse."""
    from scipy.optimize import minimize_scalar

    low, high = TEMPERATURES
    found = minimize_scalar(
        lambda inverse: log_loss(divide_by_temperature(probabilities, 1 / inverse), labels),
        bounds=(1 / high, 1 / low),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(1 / found.x)


def divide_by_temperature(probabilities: Float64Array, temperature: float) -> Float64Array:
    """Probabilities with their logarithms divided by ``temperature``, summing to 1 again."""
    from scipy.special import softmax

    logarithms = np.log(np.clip(probabilities, LEAST_PROBABILITY, 1.0)) / temperature
    return np.asarray(softmax(logarithms, axis=1))


def score_calibration(probabilities: Float64Array, labels: LabelArray) -> CalibrationScore:
    """Expected calibration error of the highest probability with its bins, and log loss."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    numbers = np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1)
    bins = tuple(
        CalibrationBin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in (numbers == number for number in range(BINS))
        if inside.any()
    )
    return CalibrationScore(
        ece=_error(numbers, right - confidence),
        ece_by_chance=_error_by_chance(numbers, confidence),
        log_loss=log_loss(probabilities, labels),
        bins=bins,
    )


def _error(place: LabelArray, excess: Float64Array) -> float:
    """Sum over bins of |right - confidence|, by images."""
    return float(np.abs(np.bincount(place, weights=excess)).sum() / len(excess))


def _error_by_chance(place: LabelArray, confidence: Float64Array) -> float:
    """The mean error where every probability is true: few images in a bin differ from it by luck."""
    rng = np.random.default_rng(0)
    draws = [_error(place, (rng.random(len(confidence)) < confidence) - confidence) for _ in range(_CHANCE_DRAWS)]
    return float(np.mean(draws))
