"""What training from scratch needs to be honest: He initial values, and BatchNorm that follows in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

NORM_MOMENTUM = 0.9
"""Keras' default of .99 leaves half of the initial value in the statistics after 70 steps."""


def prepare_from_scratch(model: keras.Model, seed: int) -> None:
    """Give every kernel He normal values (He et al. 2015) and every BatchNorm a momentum of .9, in place."""
    import keras

    for number, layer in enumerate(_leaves(model)):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = NORM_MOMENTUM
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        start = keras.initializers.HeNormal(seed=seed + number)
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            # Each channel is a sum over its own window only; fan-in by shape would count all channels.
            height, width, channels, multiplier = kernel.shape
            values = start((height, width, 1, channels * multiplier))
            kernel.assign(keras.ops.reshape(values, kernel.shape))
        else:
            kernel.assign(start(kernel.shape))


def _leaves(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model._flatten_layers(include_self=False) if not getattr(layer, "layers", None)]
