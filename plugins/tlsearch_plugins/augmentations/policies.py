"""geometric and standard: the built-in augmentations joined to policies."""

from __future__ import annotations

import numpy as np

from tlsearch.plugin_api import API_VERSION, Images
from tlsearch_plugins.augmentations.affine import AffineRanges, move_affine, render_affine
from tlsearch_plugins.augmentations.color import recolor
from tlsearch_plugins.augmentations.crop import ZOOM
from tlsearch_plugins.augmentations.flip import PROBABILITY
from tlsearch_plugins.augmentations.rotate import TURN
from tlsearch_plugins.augmentations.shift import SHIFT


class Geometric:
    """flip, crop, rotate and shift, as far as each of them goes alone, in one resampling."""

    api_version = API_VERSION
    name = "geometric"

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        if strength == 0:
            return images.copy()
        return render_affine(images, _geometric_ranges(strength), rng)


class Standard:
    """geometric, then color, rounded to pixels once."""

    api_version = API_VERSION
    name = "standard"

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        result = images.copy()
        if strength == 0:
            return result
        for rows, moved in move_affine(images, _geometric_ranges(strength), rng):
            result[rows] = recolor(moved, strength, rng)
        return result


def _geometric_ranges(strength: float) -> AffineRanges:
    return AffineRanges(
        mirror=PROBABILITY * strength,
        turn=TURN * strength,
        zoom=ZOOM * strength,
        shift=SHIFT * strength,
    )
