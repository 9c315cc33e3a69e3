"""Convolutions with ReLU, in groups where a network has them."""

from __future__ import annotations

from typing import Any

import keras


def convolve(x: Any, filters: int, kernel: int, name: str, *, stride: int = 1, groups: int = 1) -> Any:
    """A convolution of ``filters`` with bias and ReLU; ``name`` is that of the layer with its output.

    At steps of 1 the map keeps its size; at longer ones no edge is added, for the networks say themselves how much.

    With ``groups`` each share of the filters sees its own share of the channels, in convolutions of their own
    (``conv2_1`` and ``conv2_2``) that are joined. Keras' ``Conv2D(groups=2)`` computes the same, but TensorFlow has no
    such convolution for processors: its detour through XLA takes 13 times as long to train (the second convolution of
    AlexNet, 64 images, two cores, TensorFlow 2.21).
    """
    padding = "same" if stride == 1 else "valid"
    if groups == 1:
        return keras.layers.Conv2D(filters, kernel, stride, padding, activation="relu", name=name)(x)
    share, parts = filters // groups, keras.ops.split(x, groups, axis=-1)
    layers = [
        keras.layers.Conv2D(share, kernel, stride, padding, activation="relu", name=f"{name}_{number}")
        for number in range(1, groups + 1)
    ]
    return keras.layers.Concatenate(name=name)([layer(part) for layer, part in zip(layers, parts, strict=True)])
