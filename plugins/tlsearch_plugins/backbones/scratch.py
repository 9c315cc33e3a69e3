"""What a network needs before it is trained from random values: He initialisation and a quick BatchNorm."""

from __future__ import annotations

import keras

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
