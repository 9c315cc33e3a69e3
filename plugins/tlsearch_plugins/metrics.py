"""The built-in metrics. Each is a function of counts, whose interval has a formula."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.plugin_api import API_VERSION, CountMetric

Labels = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


class Accuracy:
    """The share of images that are right."""

    api_version = API_VERSION
    name = "accuracy"
    greater_is_better = True
    uses_class_weights = False
    counts: CountMetric = "accuracy"

    def score(self, labels: Labels, probabilities: Floats) -> float:
        """The score, from 0 to 1."""
        return float((probabilities.argmax(axis=1) == labels).mean())


class BalancedAccuracy:
    """The share of a class that is right, mean over the classes that have images."""

    api_version = API_VERSION
    name = "balanced_accuracy"
    greater_is_better = True
    uses_class_weights = True
    counts: CountMetric = "balanced_accuracy"
    meaning = "the mean over the classes of the share of their images that is right"

    def score(self, labels: Labels, probabilities: Floats) -> float:
        """The score, from 0 to 1."""
        right, support, _ = _counts(labels, probabilities)
        present = support > 0
        return float((right[present] / support[present]).mean())


class MacroF1:
    """F1 of a class, mean over the classes that have images or are predicted."""

    api_version = API_VERSION
    name = "macro_f1"
    greater_is_better = True
    uses_class_weights = True
    counts: CountMetric = "macro_f1"
    meaning = "the mean over the classes of F1, which counts missed images and false alarms"

    def score(self, labels: Labels, probabilities: Floats) -> float:
        """The score, from 0 to 1."""
        right, support, predicted = _counts(labels, probabilities)
        both = support + predicted
        return float((2 * right[both > 0] / both[both > 0]).mean())


def _counts(labels: Labels, probabilities: Floats) -> tuple[Floats, Floats, Floats]:
    """By class: images that are right, images of it, images predicted as it."""
    guesses, classes = probabilities.argmax(axis=1), probabilities.shape[1]
    found = [np.bincount(numbers, minlength=classes) for numbers in (labels[guesses == labels], labels, guesses)]
    right, support, predicted = (counts.astype(np.float64) for counts in found)
    return right, support, predicted
