"""flip: some images mirrored."""

from __future__ import annotations

import numpy as np

from tlsearch.plugin_api import API_VERSION, Images

PROBABILITY = 0.5
"""That an image is mirrored, at strength 1."""


class Flip:
    """Each image is mirrored left to right with probability strength / 2.

    In NumPy, because Keras' ``RandomFlip`` has no rate.
    """

    api_version = API_VERSION
    name = "flip"

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        result = images.copy()
        if strength == 0:
            return result
        mirrored = rng.random(len(images)) < PROBABILITY * strength
        result[mirrored] = images[mirrored, :, ::-1]
        return result
