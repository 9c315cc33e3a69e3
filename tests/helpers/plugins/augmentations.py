"""A sound augmentation, and one for each fault that the kit finds."""

from __future__ import annotations

from typing import Any

import numpy as np


class Roll:
    """Moves each image sideways: sound."""

    api_version = 1
    name = "roll"

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        result = images.copy()
        for number, image in enumerate(images if strength else ()):
            result[number] = np.roll(image, int(rng.uniform(-0.4, 0.4) * strength * images.shape[2]), axis=1)
        return result


class ToShares(Roll):
    """Changes the range, and the type with it."""

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, rng) / 255 if strength else images.copy()


class ToZeroOne(Roll):
    """Changes the range and keeps the type."""

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return (super().render(images, strength, rng) / 255).astype(np.uint8) if strength else images.copy()


class NotIdentity(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, max(strength, 0.5), rng)


class SameArray(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, rng) if strength else images


class InPlace(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        images[:] = super().render(images, strength, rng)
        return images.copy()


class OwnGenerator(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, np.random.default_rng())


class AllAlike(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return np.roll(images, int(rng.integers(1, 20) * strength), axis=2)


class OneView(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, np.random.default_rng(0))


class Backwards(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, 1.2 - strength if strength else 0.0, rng)


class Grows(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return np.pad(super().render(images, strength, rng), ((0, 0), (1, 1), (0, 0), (0, 0)))


BROKEN_AUGMENTATIONS: list[tuple[type[Roll], str, str]] = [
    (ToShares, "shape and type are kept", "is float64, not uint8"),
    (ToZeroOne, "values stay in the range of pixels", "the range of pixels is 0..255, not 0..1"),
    (NotIdentity, "strength 0 is the identity", "the images are changed"),
    (SameArray, "strength 0 is the identity", "not a new one"),
    (InPlace, "the input is left untouched", "are changed"),
    (OwnGenerator, "the generator decides everything", "take all that is random from rng"),
    (AllAlike, "every view is different", "in the same way"),
    (OneView, "every view is different", "two views by one generator are the same"),
    (Backwards, "a higher strength goes further", "must grow with the strength"),
    (Grows, "shape and type are kept", "has shape"),
]
