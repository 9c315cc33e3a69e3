"""Heat maps that are fine enough for boxes: the network looks at larger squares of the picture, too.

The map of a network for small pictures has few places: 3 x 3 for 96 pixels, as a rule. A network of convolutions takes
larger squares as well, of which its map has more places; the picture is read anew for them, so that what is small in it
can be seen. benchmarks/quality/maps compares ways to do that. A map for a box says where a thing is and no more: what
each place adds to the logit is said by ``maps``, whose maps are those of the picture as it is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from tlsearch.data.images.rgb import shrink
from tlsearch.explain.maps import BATCH, Explainer, resize_maps
from tlsearch.explain.pictures import read_images
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array, LabelArray

FACTORS = (1.0, 2.0)
"""How large squares are, as multiples of those that the network was trained on; the maps are averaged."""

_CANVAS = 64
"""Places of the side of an averaged map."""


class FinerMaps:
    """Makes heat maps for boxes with one predictor; not for use from several threads at once.

    Args:
        predictor: The model. If its network takes squares of its own side alone, maps are those of these.

    Raises ``UsageError`` where its network has no features with places from which its answer is pooled.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._explainers = list(_explainers(predictor))

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of the squares that the network looks at, in pixels."""
        return tuple(explainer.side for explainer in self._explainers)

    def of_files(self, files: Sequence[Path], classes: Sequence[int]) -> Iterator[tuple[int, Float32Array]]:
        """Give the row of each file that can be read, and its map (1, H, W) about its class."""
        decoded = enumerate(read_images(self.predictor, files, max(self.sides)))
        while batch := list(islice(decoded, BATCH)):
            read = [(row, item) for row, item in batch if not isinstance(item, str)]
            if not read:
                continue
            about = np.array([classes[row] for row, _ in read], np.intp)
            maps = self._of([item for _, item in read], about)
            yield from ((row, maps[place : place + 1]) for place, (row, _) in enumerate(read))

    def _of(self, squares: Sequence[Images], about: LabelArray) -> Float32Array:
        """The mean over all sides, in logits by area, of maps of squares of the largest side."""
        found = []
        for explainer in self._explainers:
            images = np.stack([_at(square, explainer.side) for square in squares])
            maps = explainer(images, about).maps
            found.append(maps * np.float32(maps.shape[1] * maps.shape[2]))
        if len(found) == 1:
            return found[0]
        return np.asarray(np.mean([resize_maps(maps, _CANVAS) for maps in found], axis=0), np.float32)


def _explainers(predictor: Predictor) -> Iterator[Explainer]:
    """One for each side that the network takes."""
    for factor in FACTORS:
        try:
            yield Explainer(predictor, round(factor * predictor.image_size))
        except ValueError:
            if factor == 1.0:
                raise


def _at(square: Images, side: int) -> Images:
    return square if len(square) == side else shrink(square, side)
