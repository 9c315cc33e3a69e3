"""A saved model that says how far a picture is from the training images, computed inside the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlsearch.uncertainty.inner_features import with_inner_features
from tlsearch.uncertainty.reference import NEIGHBOURS, TrainingReference

if TYPE_CHECKING:
    import keras


def with_distance(model: keras.Model, reference: TrainingReference) -> keras.Model:
    """Give a model with the same variables and two outputs: probabilities, and distances as ``reference`` has them.

    The reference images are constants of the model: 4 bytes a value, 12 MB at most.

    Args:
        model: RGB (N, S, S, 3) to probabilities (N, classes); its backbone is a model inside it.
        reference: What pictures are compared with.

    Returns:
        A model whose second output has shape (N,): what ``reference.distances`` gives, but for rounding.

    Raises:
        ValueError: The model has not the layers that are compared.
    """
    import keras

    joined = with_inner_features(model, reference.layers)
    probabilities, features = joined.outputs
    return keras.Model(joined.input, [probabilities, _distance(features, reference)], name="probabilities_and_distance")


def _distance(features: Any, reference: TrainingReference) -> Any:
    """Distances (N,) of features (N, d): the largest over all layers."""
    from keras import ops

    nearest = min(NEIGHBOURS, len(reference.images))
    parts = []
    for columns, (middle, unit) in zip(reference.columns, reference.scales, strict=True):
        own = features[:, columns]
        length = ops.sqrt(ops.sum(ops.square(own), axis=1, keepdims=True))
        similarity = ops.matmul(own / ops.maximum(length, 1e-12), reference.images[:, columns].T)
        furthest = ops.top_k(similarity, nearest)[0][:, -1]  # of the nearest images
        parts.append((1.0 - furthest - middle) / unit)
    return ops.max(ops.stack(parts, axis=1), axis=1)
