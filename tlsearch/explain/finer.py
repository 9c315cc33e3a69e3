"""Heat maps that are fine enough for boxes: they are made at an earlier cut point, where a network has more places.

The map of a network for small pictures has few places in the end: 3 x 3 for 96 pixels, as a rule, too few to find
anything that is smaller than the picture. At its last cut point with more places the gradient of the logit times the
features (HiResCAM, see ``maps``) says where a thing is; benchmarks/use/maps compares that with other ways. This map
is for boxes alone: it adds up to the logit only roughly, and what is explained stays the exact map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from tlsearch.explain.maps import BATCH, Explainer
from tlsearch.explain.parts import take_apart_earlier
from tlsearch.explain.pictures import read_images
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array

ENOUGH_PLACES = 7 * 7
"""A network with so many places in the end, such as most for 224 pixels, has maps that are fine enough. What an earlier
cut point brings was measured on networks with 2 x 2 and 3 x 3."""


class FinerMaps:
    """Makes heat maps for boxes with one predictor; not for use from several threads at once.

    Args:
        predictor: The model. If its network has enough places in the end, or no cut point with more, or if its backbone
            is not installed here, maps are those that explain it.

    Raises ``UsageError`` where its network has no features with places from which its answer is pooled.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._explainer = Explainer(predictor, take_apart_earlier(predictor, ENOUGH_PLACES))

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the maps."""
        return self._explainer.grid

    def of_files(self, files: Sequence[Path], classes: Sequence[int]) -> Iterator[tuple[int, Float32Array]]:
        """Give the row of each file that can be read, and its map (1, H, W) about its class."""
        decoded = enumerate(read_images(self.predictor, files))
        while batch := list(islice(decoded, BATCH)):
            read = [(row, item) for row, item in batch if not isinstance(item, str)]
            if not read:
                continue
            about = np.array([classes[row] for row, _ in read], np.intp)
            maps = self._explainer(np.stack([item for _, item in read]), about).maps
            yield from ((row, maps[place : place + 1]) for place, (row, _) in enumerate(read))
