"""For authors of augmentations: a stack of Keras preprocessing layers as one augmentation plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.api import API_VERSION, Images

if TYPE_CHECKING:
    import keras

CHUNK = 64
"""Images that go through the layers together; it bounds the memory, and is part of what a seed means."""

_SEED_STATE = "seed_generator_state"  # what keras.random.SeedGenerator calls its variable


class KerasAugmentation:
    """Base class: say ``name`` and ``layers``, and ``render`` follows.

    The same state of the generator gives the same pixels, for a backend and its version. Layers are built
    once for each strength and image size, in float32 whatever Keras' precision policy is, and every seed
    generator inside them is set anew from ``rng`` before each use. Objects are not meant to be shared between
    threads.
    """

    api_version: int = API_VERSION
    name: str

    def __init__(self) -> None:
        self._stacks: dict[tuple[float, int, int], tuple[list[Any], list[Any]]] = {}

    def layers(self, strength: float) -> Sequence[keras.Layer]:
        """The layers at ``strength`` (above 0, at most 1), in order of use, without seeds.

        They get float32 RGB images (N, H, W, 3) in 0..255, must keep the shape, and are called with
        ``training=True``; values that leave 0..255 at the end are clipped.
        """
        raise NotImplementedError(f"{type(self).__name__} must say its layers")

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new uint8 array of the shape of ``images`` (N, H, W, 3); an unchanged copy at strength 0.

        Raises ``ValueError`` when the layers change the shape or give values that are not finite.
        """
        result = images.copy()
        if strength == 0:
            return result
        layers, seeds = self._stack(strength, images.shape[1], images.shape[2])
        for start in range(0, len(images), CHUNK):
            for seed in seeds:
                # Signed 32 bits hold on every backend.
                seed.assign(rng.integers(0, 2**31, size=seed.shape).astype(seed.dtype))
            chunk = images[start : start + CHUNK]
            result[start : start + CHUNK] = self._checked(_apply(layers, chunk), chunk.shape)
        return result

    def _stack(self, strength: float, height: int, width: int) -> tuple[list[Any], list[Any]]:
        """The layers and the variables of all their seed generators, built on first use."""
        key = (strength, height, width)
        if key not in self._stacks:
            import keras

            policy = keras.config.dtype_policy()
            keras.config.set_dtype_policy("float32")  # bfloat16 cannot tell neighbouring pixel values apart
            try:
                layers = list(self.layers(strength))
                _apply(layers, np.zeros((1, height, width, 3), np.uint8))  # builds what is built late
            finally:
                keras.config.set_dtype_policy(policy)
            seeds = [v for layer in layers for v in layer.variables if v.name == _SEED_STATE]
            self._stacks[key] = (layers, seeds)
        return self._stacks[key]

    def _checked(self, values: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Images:
        if values.shape != shape:
            raise ValueError(f"the layers of {self.name} must keep the shape {shape} and made {values.shape}")
        if not np.isfinite(values.sum()):
            raise ValueError(f"the layers of {self.name} gave values that are not finite")
        return to_pixels(values)


def to_pixels(values: np.ndarray[Any, Any]) -> Images:
    """Finite floats to the nearest whole number in 0..255, as uint8."""
    clipped: npt.NDArray[np.floating[Any]] = np.clip(values, 0.0, 255.0)
    clipped += 0.5  # and cut off below: one pass less than rounding
    return clipped.astype(np.uint8)


def _apply(layers: Sequence[Any], images: Images) -> np.ndarray[Any, Any]:
    import keras

    x = keras.ops.convert_to_tensor(images.astype(np.float32))
    for layer in layers:
        x = layer(x, training=True)
    return np.asarray(keras.ops.convert_to_numpy(x))
