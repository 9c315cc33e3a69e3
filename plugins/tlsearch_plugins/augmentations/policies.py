"""geometric and standard: the built-in augmentations joined to policies."""

from __future__ import annotations

import numpy as np

from tlsearch.plugin_api import API_VERSION, AugmentationHints, Images
from tlsearch_plugins.augmentations.affine import AffineRanges, render_affine
from tlsearch_plugins.augmentations.color import Color
from tlsearch_plugins.augmentations.crop import ZOOM
from tlsearch_plugins.augmentations.flip import PROBABILITY
from tlsearch_plugins.augmentations.rotate import TURN
from tlsearch_plugins.augmentations.shift import SHIFT


class Geometric:
    """flip, crop, rotate and shift, as far as each of them goes alone, in one resampling."""

    api_version = API_VERSION
    name = "geometric"
    hints = AugmentationHints(by_default=True, role="mild")

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        if strength == 0:
            return images.copy()
        ranges = AffineRanges(
            mirror=PROBABILITY * strength,
            turn=TURN * strength,
            zoom=ZOOM * strength,
            shift=SHIFT * strength,
        )
        return render_affine(images, ranges, rng)


class Standard:
    """geometric, then color."""

    api_version = API_VERSION
    name = "standard"
    hints = AugmentationHints(by_default=True, role="strong")

    def __init__(self) -> None:
        self._geometric = Geometric()
        self._color = Color()

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        return self._color.render(self._geometric.render(images, strength, rng), strength, rng)
