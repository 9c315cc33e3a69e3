"""Twenty cheap augmentations that take part by default, as a package of their own would bring them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tlsearch.plugin_api import AugmentationHints

COUNT = 20


class Shift:
    """Moves images by up to a tenth of their side, round the edge, in one of twenty directions."""

    api_version = 1
    hints = AugmentationHints(by_default=True)
    direction: ClassVar[int] = 0

    def __init__(self) -> None:
        """Take the name of the direction."""
        self.name = f"shift{self.direction}"

    def render(self, images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        """See ``Augmentation``."""
        angle, side = 2 * np.pi * self.direction / COUNT, images.shape[1]
        moved = np.empty_like(images)
        for number, image in enumerate(images):
            far = strength * rng.random() * side / 10
            moved[number] = np.roll(image, (round(far * np.sin(angle)), round(far * np.cos(angle))), (0, 1))
        return moved


for _number in range(COUNT):
    globals()[f"Shift{_number}"] = type(f"Shift{_number}", (Shift,), {"direction": _number})
