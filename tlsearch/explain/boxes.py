"""Boxes from heat maps.

A box is that around the largest connected part of a map whose heat reaches a threshold. Heat is measured on the way
from the least to the greatest of a map, as Choe et al. (2020) do, for what a map adds to every place alike says nothing
about where a thing is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlsearch.data.images.placement import PictureSize, Placement
from tlsearch.errors import UsageError
from tlsearch.explain.maps import resize_maps
from tlsearch.predictor import CONFIG_FILE, Predictor
from tlsearch.types import Float32Array, Float64Array

DEFAULT_THRESHOLD = 0.56
"""The share of the heat from which a place is in the box, where no boxed images choose it.

Measured on scenes that are rendered as those of the tests are, with things of 0.3 to 0.45, 0.5 to 0.7 and 0.7 to 0.95
of the height, by EfficientNet-Lite0 at 160 pixels with a linear head on two cut points: the best threshold is 0.68 to
0.72, 0.52 to 0.56 and 0.40 to 0.44, and 0.56 has the best mean box accuracy of all (0.62). The 0.2 of Zhou et al. (CVPR
2016) is a share of the greatest heat of features that are not standardised; here it has 0.34."""

CONFIG_KEY = "localisation"
"""The entry in ``config.json`` of a model with its threshold."""

_CANVAS = 64
"""Pixels of the side on which boxes are measured, whatever the resolution of a map."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The share of the greatest heat from which a place is in the box.

    Attributes:
        value: Between 0 and 1.
        source: Where it comes from, for people.
        images: How many images chose it; 0 for the default.
    """

    value: float = DEFAULT_THRESHOLD
    source: str = "default"
    images: int = 0

    @classmethod
    def of(cls, predictor: Predictor) -> Threshold:
        """Give that which the run chose, else the default. Raises ``UsageError`` where the model says no number."""
        stored = predictor.config.get(CONFIG_KEY)
        if stored is None:
            return cls()
        try:
            value, images = float(stored["threshold"]), int(stored["images"])
        except (TypeError, KeyError, ValueError):
            value, images = -1.0, 0
        if not 0 < value < 1:
            raise UsageError(
                f"{predictor.folder / CONFIG_FILE} does not say the threshold of boxes as a number from 0 to 1: take "
                "it from the run again."
            )
        return cls(value=value, source="the run", images=images)

    def in_config(self) -> Mapping[str, Any]:
        """Give the entry of ``config.json``."""
        return {CONFIG_KEY: {"threshold": self.value, "images": self.images, "source": self.source}}


def hot_boxes(maps: Float32Array, thresholds: Sequence[float]) -> Float64Array:
    """Give the box around the largest hot part of each map at each threshold, shape (N, T, 4).

    Boxes are left, upper, right and lower edges as shares of the square. A map without any difference is hot all over.

    Args:
        maps: Shape (N, H, W).
        thresholds: T shares of the way from the least to the greatest heat, above 0 and below 1.
    """
    heat = resize_maps(maps, _CANVAS)
    found = np.empty((len(maps), len(thresholds), 4))
    for row, one in enumerate(heat):
        low, high = float(one.min()), float(one.max())
        for column, threshold in enumerate(thresholds):
            found[row, column] = _largest(one >= low + threshold * (high - low))
    return found


def hottest(maps: Float32Array) -> Float64Array:
    """Give the point (x, y) with the greatest heat of each map, as shares of the square; shape (N, 2)."""
    heat = resize_maps(maps, _CANVAS).reshape(len(maps), -1)
    rows, columns = np.divmod(heat.argmax(axis=1), _CANVAS)
    return (np.stack([columns, rows], axis=1) + 0.5) / _CANVAS


def _largest(hot: Any) -> tuple[float, float, float, float]:
    """The edges of the largest part of a mask (S, S) that is connected, also over corners, as shares of the side."""
    from scipy import ndimage

    parts, _ = ndimage.label(hot, np.ones((3, 3)))
    largest = int(np.bincount(parts.ravel())[1:].argmax())
    down, across = ndimage.find_objects(parts)[largest]
    side = len(hot)
    return across.start / side, down.start / side, across.stop / side, down.stop / side


def placed(predictor: Predictor, size: PictureSize) -> Placement:
    """Give where the square that the network sees lies in a picture of this size."""
    return Placement.of(size, predictor.decode_size, predictor.decoding.resize)


def clipped(edges: Float64Array, size: PictureSize) -> Float64Array:
    """Give boxes (..., 4) in pixels without what lies outside the picture."""
    most = np.tile([size.width, size.height], 2)
    return np.clip(edges, 0.0, most)
