"""From features to a vector: of a map (N, h, w, C) or of tokens (N, T, C), in float32."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsearch.types import Pooling


def pool(features: Any, pooling: Pooling, leading_tokens: int = 0) -> Any:
    """Pool a batch of features by Keras' operations.

    "avg" and "mean" average over places or patches, "avgmax" joins the maxima over places, "class_token" takes the
    first token, and "flatten" keeps every value. Where features do not have what is asked for, it is the average, as in
    ``CutInfo.columns``.

    Args:
        features: A map (N, h, w, C) or tokens (N, T, C).
        pooling: How.
        leading_tokens: The tokens before those of the patches, of which the first is the class token.

    Returns:
        The vectors (N, C); (N, 2 * C) for "avgmax" and (N, h * w * C) for "flatten".
    """
    from keras import ops

    exact = ops.cast(features, "float32")
    if pooling == "flatten":
        return ops.reshape(exact, (-1, math.prod(exact.shape[1:])))
    if pooling == "class_token" and leading_tokens:
        return exact[:, 0]
    if pooling == "avgmax":
        return every_pooling(exact, leading_tokens)
    return _average(exact, leading_tokens)


def every_pooling(features: Any, leading_tokens: int = 0) -> Any:
    """Pool a batch of features in all ways that are searched among: what the feature store keeps (see ``Feature``).

    Of a map these are averages and maxima; of tokens the averages and the class token, where there is one.
    """
    from keras import ops

    average = _average(features, leading_tokens)
    if len(features.shape) == 4:
        return ops.concatenate([average, ops.max(features, axis=(1, 2))], axis=-1)
    return ops.concatenate([average, features[:, 0]], axis=-1) if leading_tokens else average


def _average(features: Any, leading_tokens: int) -> Any:
    """The average over places, or over the tokens of patches."""
    from keras import ops

    if len(features.shape) == 4:
        return ops.mean(features, axis=(1, 2))
    return ops.mean(features[:, leading_tokens:], axis=1)
