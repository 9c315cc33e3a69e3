"""Linear probes: on features that do not change, a linear head is a convex problem, not a schedule."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlsearch import backend
from tlsearch.data.stratify import draw_stratified
from tlsearch.models.heads import HeadWeights
from tlsearch.types import AnyArray, Float32Array, IntArray
from tlsearch.utils.deadline import check_time

C_GRID = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse strengths of the L2 penalty that are tried, on standardised features, for a penalty summed over images."""

FALLBACK_C = 1e-2
"""Taken where a class has a single group of images, which cannot be held out."""

INNER_SHARE = 0.2
"""Share of the training images that chooses C, so that validation images choose nothing here."""

MAX_ITERATIONS = 200

_ROWS = 4096
_VALUES = _ROWS * 8192
"""At most so many rows and so many values are converted at once. Pooled features have at most 8,192 columns."""


def standardisation(features: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Give mean and scale of each column.

    A constant column has scale 1, and none has less than 1e-7, below which Keras' ``Normalization`` in the exported
    model would not follow.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    squares = np.zeros(features.shape[1])
    rows = min(_ROWS, max(1, _VALUES // features.shape[1]))
    for start in range(0, len(features), rows):  # all rows at once in float64 would be three times their memory
        squares += ((features[start : start + rows] - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / len(features))
    # A column that hardly varies would be blown up to unit variance by rounding noise alone.
    scale[scale < max(1e-6 * float(scale.max(initial=0.0)), 1e-7)] = 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


def standardise(features: Float32Array, mean: Float32Array, scale: Float32Array) -> Float32Array:
    """Copy ``features`` (n, d), with mean 0 and scale 1 in each column."""
    x = features - mean
    x /= scale
    return x


@dataclass(frozen=True)
class LabelledImages:
    """Images to fit on.

    Attributes:
        labels: The class of each, shape (n,).
        groups: The group of each, shape (n,): images with one number belong together.
        classes: The number of classes, of which some may have no image here.
        weights: How much each image counts in training; None where all count alike.
    """

    labels: IntArray
    groups: IntArray
    classes: int
    weights: Float32Array | None = None


def fit_linear_head(
    features: Float32Array,
    images: LabelledImages,
    seed: int,
    class_weights: dict[int, float] | None,
    views: int = 1,
) -> tuple[HeadWeights, float]:
    """Fit a multinomial logistic regression by L-BFGS on standardised features.

    Args:
        features: Shape (views * n, d): renderings of the same n images, one whole view after the other.
        images: The images.
        seed: Decides which images choose C.
        class_weights: How classes are weighted; None for equally.
        views: The number of renderings.

    Returns:
        The head, and C, the inverse strength of the penalty: the one with the lowest log loss on a stratified fifth of
        the images, no rendering of whose groups was fitted.
    """
    mean, scale = standardisation(features)
    x = standardise(features, mean, scale)
    labels = np.tile(images.labels, views)
    with backend.one_thread():
        chosen = _choose_c(x, images, seed, class_weights, views)
        model = _fit(x, labels, chosen, class_weights, None, _tiled(images.weights, views))
    return HeadWeights(
        mean=mean, scale=scale, hidden=None, linear=_full_kernel(model, images.classes, x.shape[1])
    ), chosen


def _choose_c(
    x: Float32Array, images: LabelledImages, seed: int, class_weights: dict[int, float] | None, views: int
) -> float:
    from sklearn.metrics import log_loss

    once = images.labels.tolist()
    held_rows, fitted = draw_stratified(once, images.groups.tolist(), (INNER_SHARE,), (seed,))
    if len({once[row] for row in held_rows}) < len(set(once)):
        return FALLBACK_C
    labels = np.tile(images.labels, views)
    fit_rows = np.concatenate([np.asarray(fitted) + view * len(once) for view in range(views)])
    weights = None if class_weights is None else [class_weights[int(label)] for label in labels[held_rows]]
    best, best_loss, warm = C_GRID[0], np.inf, None
    fitted_x, fitted_labels = x[fit_rows], labels[fit_rows]
    by_image = _tiled(images.weights, views)
    fit_weights = None if by_image is None else by_image[fit_rows]
    for c in C_GRID:
        check_time()
        warm = _fit(fitted_x, fitted_labels, c, class_weights, warm, fit_weights)
        probabilities = warm.predict_proba(x[held_rows])
        loss = log_loss(labels[held_rows], probabilities, labels=warm.classes_, sample_weight=weights)
        if loss < best_loss:
            best, best_loss = c, loss
    return best


def _tiled(weights: Float32Array | None, views: int) -> Float32Array | None:
    return None if weights is None else np.tile(weights, views)


def _fit(
    x: Float32Array,
    labels: AnyArray,
    c: float,
    class_weights: dict[int, float] | None,
    warm: Any,
    weights: Float32Array | None,
) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=MAX_ITERATIONS, tol=1e-3, class_weight=class_weights, warm_start=True)
    if warm is not None:
        # The path from strong to weak penalty: each solution starts the next.
        model.coef_, model.intercept_ = warm.coef_.copy(), warm.intercept_.copy()
        model.classes_ = warm.classes_
    with warnings.catch_warnings():
        # A head that is not fully converged is still a head; its value shows how good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, labels, sample_weight=weights)


def _full_kernel(model: Any, classes: int, width: int) -> tuple[Float32Array, Float32Array]:
    """Kernel (d, classes) and bias of softmax logits; two classes are solved as one logit and spread out here."""
    kernel: Float32Array = np.zeros((width, classes), np.float32)
    bias: Float32Array = np.full(classes, -30.0, np.float32)  # a class without a training image: probability zero
    if len(model.classes_) == 2:
        first, second = model.classes_
        kernel[:, first], kernel[:, second] = -model.coef_[0] / 2, model.coef_[0] / 2
        bias[first], bias[second] = -model.intercept_[0] / 2, model.intercept_[0] / 2
    else:
        kernel[:, model.classes_] = model.coef_.T
        bias[model.classes_] = model.intercept_
    return kernel, bias


def logits(head: HeadWeights, features: Float32Array) -> Float32Array:
    """Give the logits (n, classes) of pooled features (n, d) by a linear head."""
    x = standardise(features, head.mean, head.scale)
    return np.asarray(x @ head.linear[0] + head.linear[1], np.float32)
