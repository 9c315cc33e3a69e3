"""A transformer of two blocks that gives tokens, small enough to be trained in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from tlsearch.plugins.api import CutPoint, WeightSource

WIDTH = 8


class TinyTokens:
    """Patches of 4 pixels, a class token and a register before them, and two blocks of attention.

    ``leading`` is the number of tokens before those of the patches; with 0 there is no class token.
    """

    api_version = 1
    name = "tiny_tokens"
    default_image_size = 16
    min_image_size = 8
    weights: Mapping[str, WeightSource] = {}

    def __init__(self, leading: int = 2) -> None:
        self.leading = leading

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """(N, S, S, 3) to (N, leading + (S // 4) ** 2, 8)."""
        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.Conv2D(WIDTH, 4, strides=4, name="patches")(inputs)
        x = keras.layers.Reshape((-1, WIDTH), name="rows")(x)
        if self.leading:
            ones = keras.ops.ones_like(x[:, : self.leading, :1])
            table = keras.layers.Dense(WIDTH, name="class")(ones)
            x = keras.layers.Concatenate(axis=1, name="tokens")([table, x])
        for number in (1, 2):
            y = keras.layers.LayerNormalization(name=f"norm{number}")(x)
            y = keras.layers.MultiHeadAttention(2, WIDTH // 2, name=f"attend{number}")(y, y)
            x = keras.layers.Add(name=f"block{number}")([x, y])
        model = keras.Model(inputs, x, name="tiny_tokens")
        if weights is not None:
            try:
                model.load_weights(str(weights))
            except Exception as error:
                raise ValueError(f"{weights} does not fit") from error
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The map of patches, the tokens, and each block."""
        first = "tokens" if self.leading else "rows"
        tokens = [CutPoint(name, name, name == "block1", self.leading) for name in (first, "block1", "block2")]
        return [CutPoint("patches", "patches"), *tokens]

    def preprocess(self, images: Any) -> Any:
        """0..255 to -1..1."""
        return keras.ops.cast(images, "float32") / 127.5 - 1.0
