"""Where a network begins: with weights of a file, or with random values that it can be trained from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras

from tlsearch.plugin_api import load_keras_weights

BATCHNORM_MOMENTUM = 0.9
"""Keras' .99 leaves half of the initial statistics in place after 70 steps, as short trainings have."""


def prepare_for_scratch(model: keras.Model, input_std: float) -> None:
    """Draw the kernels of ``model`` anew and let its BatchNorm statistics follow the data quickly.

    Kernels are normal with variance 2 / fan-in (He et al. 2015, "Delving Deep into Rectifiers"), which keeps
    the signal of deep ReLU networks without BatchNorm alive, where Keras' Glorot default lets it fade. The
    first kernel is divided by ``input_std``, the standard deviation of the input, because the rule assumes 1.
    The values depend on Keras' seed (``keras.utils.set_random_seed``).
    """
    scale = 1.0 / input_std
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCHNORM_MOMENTUM
        elif isinstance(layer, keras.layers.Conv2D):
            # One initializer for each kernel: an instance repeats its values.
            he_normal = keras.initializers.HeNormal()
            layer.kernel.assign(scale * he_normal(layer.kernel.shape, layer.kernel.dtype))
            scale = 1.0


def with_values(
    model: keras.Model,
    weights: Path | None,
    *,
    input_std: float,
    load: Callable[[keras.Model, Path], None] = load_keras_weights,
) -> keras.Model:
    """Give ``model`` with the weights of a file, which ``load`` reads, or ready to be trained from scratch.

    ``input_std`` is as in ``prepare_for_scratch``.
    """
    if weights is None:
        prepare_for_scratch(model, input_std)
    else:
        load(model, weights)
    return model
