"""The ways in which networks that were trained on ImageNet want their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean red, green and blue of ImageNet's training images, 0..255 (as in ``caffe``, there as blue, green, red)."""

TORCH_MEAN = (0.485, 0.456, 0.406)
TORCH_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue, 0..1, that torchvision's networks are trained with."""


def less_mean(images: Any) -> Any:
    """RGB images (N, H, W, 3) in 0..255 to float32 RGB with the ImageNet mean taken off."""
    import keras  # here, because the process that lists plugins must not load a backend

    return keras.ops.subtract(keras.ops.cast(images, "float32"), np.asarray(MEAN_RGB, "float32"))


def torch_preprocess(images: Any) -> Any:
    """RGB images (N, H, W, 3) in 0..255 to float32 RGB, each colour standardised as torchvision does it."""
    import keras

    shares = keras.ops.cast(images, "float32") / 255.0
    return (shares - np.asarray(TORCH_MEAN, "float32")) / np.asarray(TORCH_STD, "float32")
