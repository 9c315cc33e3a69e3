"""Local response normalisation (Krizhevsky et al. 2012, section 3.3), which Keras has not."""

from __future__ import annotations

from typing import Any

import keras

WINDOW, ALPHA, BETA, BIAS = 5, 1e-4, 0.75, 2.0
"""The constants of the paper (n, alpha, beta and k). Caffe and PyTorch divide alpha by n; the paper does not."""


def normalise_responses(x: Any, name: str) -> Any:
    """Divide each value a of (N, h, w, C) by (BIAS + ALPHA * s) ** BETA.

    s is the sum of a ** 2 over WINDOW neighbouring channels with its own in the middle; beyond the first and the last
    channel there are zeros. It is computed in float32 whatever the precision of the network, because half precision
    cannot tell large squares apart.

    It is one layer of the network, a model inside the model, made of operations that Keras knows by name. A class of
    our own would have to be imported before a saved model is loaded, in MLflow too and where tlsearch is not installed.
    It is no place for a cut: the output of a model inside a model is not a tensor of the outer one.
    """
    inputs = keras.Input(x.shape[1:], dtype=x.dtype)
    exact, channels, reach = keras.ops.cast(inputs, "float32"), x.shape[-1], WINDOW // 2
    squares = keras.ops.pad(keras.ops.square(exact), [(0, 0), (0, 0), (0, 0), (reach, reach)])
    near = [squares[..., first : first + channels] for first in range(WINDOW)]
    total = sum(near[1:], near[0])
    scaled = exact * keras.ops.power(BIAS + ALPHA * total, -BETA)
    return keras.Model(inputs, keras.ops.cast(scaled, x.dtype), name=name)(x)
