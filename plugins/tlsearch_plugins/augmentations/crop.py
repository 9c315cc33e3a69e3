"""crop: a part of the image, enlarged to its size."""

from __future__ import annotations

import numpy as np

from tlsearch.plugin_api import API_VERSION, Images
from tlsearch_plugins.augmentations.affine import AffineRanges, render_affine

ZOOM = 0.4
"""The largest part of the side that is cut away at strength 1."""


class Crop:
    """Of each image a square of its own size and place is enlarged to the whole: a random zoom in.

    Not with Keras' layers: ``RandomCrop`` takes one place for the whole batch and changes the shape, and
    ``RandomZoom`` stays in the middle.
    """

    api_version = API_VERSION
    name = "crop"

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        if strength == 0:
            return images.copy()
        return render_affine(images, AffineRanges(zoom=ZOOM * strength), rng)
