"""The preprocessing that VGG and ResNet of Keras Applications were trained with."""

from __future__ import annotations

from typing import Any

import numpy as np

MEAN_BGR = (103.939, 116.779, 123.68)
"""Mean blue, green and red of ImageNet's training images, 0..255, as in Caffe's reference models."""

PIXEL_STD = 60.0
"""About the standard deviation of a preprocessed pixel: .23 x 255 on ImageNet."""


def caffe_preprocess(images: Any) -> Any:
    """RGB images (N, H, W, 3) in 0..255 to float32 BGR with the ImageNet mean taken off.

    Pure, and made of ``keras.ops`` alone: takes NumPy arrays, backend tensors and symbolic tensors.
    """
    import keras  # here, because the process that lists plugins must not load a backend

    bgr = keras.ops.flip(keras.ops.cast(images, "float32"), axis=-1)
    return keras.ops.subtract(bgr, np.asarray(MEAN_BGR, "float32"))
