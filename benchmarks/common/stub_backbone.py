"""A backbone plugin as fast as can be, for runs by the hundred: three convolutions with fixed random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlsearch.plugins.api import CutPoint, WeightSource

CHANNELS = (8, 16, 16)


class Stub:
    """Cut after each convolution."""

    api_version = 1
    name = "stub"
    default_image_size = 32
    min_image_size = 16
    weights = {"random": WeightSource(trained_on="nothing", licence="free", path=Path(__file__).with_name("stub.npz"))}  # noqa: RUF012 - read only

    def build(self, image_size: int, weights: Path | None) -> Any:
        """(N, S, S, 3) to (N, S / 8, S / 8, 16)."""
        import keras
        import numpy as np

        x = inputs = keras.Input((image_size, image_size, 3))
        for number, channels in enumerate(CHANNELS, 1):
            x = keras.layers.Conv2D(channels, 3, 2, "same", activation="relu", name=f"conv{number}")(x)
        model = keras.Model(inputs, x)
        if weights is not None and weights.suffix == ".h5":
            model.load_weights(str(weights))
        elif weights is not None:
            file = np.load(weights)
            model.set_weights([file[f"arr_{place}"] for place in range(2 * len(CHANNELS))])
        return model

    def cut_points(self, model: Any) -> list[CutPoint]:
        """After each convolution."""
        return [CutPoint(f"cut{n}", f"conv{n}", stage_end=True) for n in range(1, len(CHANNELS) + 1)]

    def preprocess(self, images: Any) -> Any:
        """0..255 to -1..1."""
        from keras import ops

        return ops.cast(images, "float32") / 127.5 - 1.0
