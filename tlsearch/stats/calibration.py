"""How honest probabilities are: expected calibration error, log loss, and a temperature that fixes them.

References: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017 (15 bins, temperature
scaling).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.results.schema.findings import Calibration, CalibrationBin, CalibrationScore

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

BINS = 15
"""Equal-width bins of the highest probability."""

TEMPERATURES = (0.25, 4.0)
"""What a temperature may be: validation images that are all right would ask for 0."""

_FLOOR = 1e-7  # as in the validation loss of a trial: one probability of 0 must not decide everything
_CHANCE_DRAWS = 200


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
        temperature, len(held), BINS, score_calibration(test, truth), score_calibration(heat(test, temperature), truth)
    )


def fit_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature with the lowest log loss; the loss is convex in its inverse."""
    from scipy.optimize import minimize_scalar

    low, high = TEMPERATURES
    found = minimize_scalar(
        lambda inverse: log_loss(heat(probabilities, 1 / inverse), labels),
        bounds=(1 / high, 1 / low),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(1 / found.x)


def heat(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities with their logarithms divided by ``temperature``, summing to 1 again."""
    logarithms = np.log(np.clip(probabilities, _FLOOR, 1.0)) / temperature
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(probabilities: Floats, labels: Labels) -> float:
    """Mean negative log probability of the true class, in nats."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(true, _FLOOR, 1.0)).mean())


def score_calibration(probabilities: Floats, labels: Labels) -> CalibrationScore:
    """Expected calibration error of the highest probability with its bins, and log loss."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    place = np.clip(np.ceil(confidence * BINS).astype(np.intp) - 1, 0, BINS - 1)
    bins = tuple(
        CalibrationBin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    )
    return CalibrationScore(
        _error(place, right - confidence), _error_by_chance(place, confidence), log_loss(probabilities, labels), bins
    )


def _error(place: Labels, excess: Floats) -> float:
    """Sum over bins of |right - confidence|, by images."""
    return float(np.abs(np.bincount(place, weights=excess)).sum() / len(excess))


def _error_by_chance(place: Labels, confidence: Floats) -> float:
    """The mean error where every probability is true: few images in a bin differ from it by luck."""
    rng = np.random.default_rng(0)
    draws = [_error(place, (rng.random(len(confidence)) < confidence) - confidence) for _ in range(_CHANCE_DRAWS)]
    return float(np.mean(draws))
