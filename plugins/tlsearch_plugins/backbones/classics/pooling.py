"""Overlapping pooling as the networks before 2015 have it: windows of 3 at steps of 2."""

from __future__ import annotations

from typing import Any

import keras


def pool_down(x: Any, name: str, *, window: int = 3) -> Any:
    """Maxima of windows at steps of 2, n pixels becoming floor((n - window) / 2) + 1: what does not fit is dropped."""
    return keras.layers.MaxPooling2D(window, 2, name=name)(x)


def pool_up(x: Any, name: str) -> Any:
    """Maxima of windows of 3 at steps of 2, n pixels becoming ceil((n - 3) / 2) + 1, which is n // 2.

    This is how Caffe, Torch and cuda-convnet round: the last window may hang over the edge by one pixel. Keras' "same"
    pads one pixel at the end where n is even, which is that; where n is odd every window fits, which is "valid".
    """
    padding = "same" if x.shape[1] % 2 == 0 else "valid"
    return keras.layers.MaxPooling2D(3, 2, padding=padding, name=name)(x)
