"""What training from scratch needs to be honest: He initial values, and BatchNorm that follows in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tlsearch.backend.private_api import all_layers
from tlsearch.plugins.api import Backbone, Images

if TYPE_CHECKING:
    import keras

NORM_MOMENTUM = 0.9
"""Keras' default of .99 leaves half of the initial value in the statistics after 70 steps."""

SCALE_IMAGES = 32
"""Images from which the scale of a network's input is measured."""


def prepare_from_scratch(model: keras.Model, seed: int, scale: float) -> None:
    """Give every kernel He normal values (He et al. 2015) and every BatchNorm a momentum of .9, in place.

    The first kernel is divided by ``scale``, the standard deviation of the input, because the rule assumes 1: a
    network without BatchNorm would carry another scale to its output (VGG's input has 74).
    """
    import keras

    factor = 1.0 / scale
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
            values = keras.ops.reshape(start((height, width, 1, channels * multiplier)), kernel.shape)
        else:
            values = start(kernel.shape)
        kernel.assign(factor * values)
        factor = 1.0


def input_scale(plugin: Backbone, pixels: Images) -> float:
    """Give the standard deviation of what ``plugin`` makes of the first images (N, S, S, 3); 1 for blank ones."""
    import keras

    sample = np.asarray(pixels[:SCALE_IMAGES], np.float32)
    deviation = float(np.std(keras.ops.convert_to_numpy(plugin.preprocess(sample))))
    return deviation if deviation > 1e-3 else 1.0


def _leaves(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in all_layers(model) if not getattr(layer, "layers", None)]
