"""Backbones as an author may write them who thinks nothing of it, each with the fault that the kit finds."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras

from tests.helpers.plugins.backbones import LAYERS, Net


class TiedStem(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A convolution by the kernel of another layer."""

    def __init__(self, tied: Any, **options: Any) -> None:
        super().__init__(**options)
        self.tied = tied

    def call(self, x: Any) -> Any:
        return keras.ops.conv(x, self.tied.kernel, padding="same")


class Tied(Net):
    """Its end and its beginning have one kernel."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = keras.Input((image_size, image_size, 3))
        first = LAYERS.Conv2D(3, 3, padding="same", name="stem")
        x = LAYERS.Conv2D(3, 3, padding="same", name="block")(first(inputs))
        return keras.Model(inputs, TiedStem(first, name="end")(x))


class OutputInList(Net):
    """As many write it: a list of one output."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model([model.input], [model.output])


class TakesAnything(Net):
    """Loads what fits of a file, which may be nothing."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, None)
        if weights is not None and weights.stat().st_size > 1000:
            with warnings.catch_warnings(action="ignore"):
                model.load_weights(str(weights), skip_mismatch=True)
        elif weights is not None:
            raise ValueError(f"{weights} is too small")
        return model


ODD: list[tuple[type[Net], str, str]] = [
    (OutputInList, "a network is built", "takes a list of one input: give keras.Model the tensor"),
    (Tied, "training leaves the frozen part as it is", "what comes after 'stem' trains weights that are used before"),
    (TakesAnything, "a foreign weights file is a ValueError", "takes a .weights.h5 file that holds another network"),
]
