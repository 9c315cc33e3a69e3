"""Ways to make the heat map of a picture for a box, from coarse to fine: what ``finer_maps`` compares.

Each takes the class of the picture as given, and gives a map whose values are logits by area, so that maps of several
resolutions can be averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.use.maps.enlarge import at_side
from tlsearch.backend.gradients import pull_back
from tlsearch.data.images.decode import read_square
from tlsearch.explain.maps import Explainer, resize_maps
from tlsearch.explain.parts import take_apart
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array, LabelArray

CANVAS = 64
"""Places of the side of an averaged map."""

SHIFTS = 2
"""Pictures are moved by halves of a place, in both directions."""

_EAGER = 16


@dataclass(frozen=True)
class Earlier:
    """The network cut before its end: features of a finer map, and the logits of these."""

    features: Any
    rest: Any


class Networks:
    """A model for squares of several sides, each compiled once, and the same cut before its end."""

    def __init__(self, predictor: Predictor, earlier: Earlier) -> None:
        self.predictor, self.earlier = predictor, earlier
        self._known: dict[int, Explainer] = {}

    def at(self, side: int) -> Explainer:
        """The explainer of squares of this side."""
        if side not in self._known:
            own = side == self.predictor.image_size
            larger = None if own else take_apart(self.predictor, at_side(self.predictor.model, side))
            self._known[side] = Explainer(self.predictor, larger)
        return self._known[side]


class Maps:
    """Makes the maps of one set of pictures; each kind once, however many ways use it.

    Args:
        network: The model.
        files: The pictures.
        classes: Shape (N,).
    """

    def __init__(self, network: Networks, files: Sequence[Path], classes: LabelArray) -> None:
        self._network, self._files, self._classes = network, files, classes
        self._predictor, self._earlier = network.predictor, network.earlier
        self._known: dict[tuple[str, float], Float32Array] = {}

    def at(self, kind: str, factor: float) -> Float32Array:
        """Maps of pictures ``factor`` times as large, "enlarged" from the network's pixels or "read" at that size."""
        if (kind, factor) not in self._known:
            side = round(factor * self._predictor.image_size)
            pixels = _enlarged(self._own, side) if kind == "enlarged" else self._read(side)
            self._known[kind, factor] = _density(self._network.at(side)(pixels, self._classes).maps)
        return self._known[kind, factor]

    @cached_property
    def shifted(self) -> Float32Array:
        """The mean of maps of the picture moved by half a place to all sides, each moved back."""
        explainer = self._network.at(self._predictor.image_size)
        stride = self._predictor.image_size / explainer.grid[0]
        offsets = [round((step + 0.5) * stride / SHIFTS - stride / 2) for step in range(SHIFTS)]
        found = []
        for down in offsets:
            for across in offsets:
                moved = _moved(self._own, down, across)
                maps = resize_maps(_density(explainer(moved, self._classes).maps), self._predictor.image_size)
                found.append(_moved(maps, -down, -across))
        return np.asarray(np.mean(found, axis=0), np.float32)

    @cached_property
    def earlier(self) -> Float32Array:
        """HiResCAM at the earlier cut."""
        found = []
        for start in range(0, len(self._own), _EAGER):
            rows = slice(start, start + _EAGER)
            features = np.asarray(self._earlier.features(self._own[rows].astype(np.float32), training=False))
            wanted = np.eye(len(self._predictor.labels), dtype=np.float32)[self._classes[rows]]
            (counted,) = pull_back(self._earlier.rest, [features], wanted)
            found.append(np.einsum("nhwc,nhwc->nhw", features, counted))
        return _density(np.concatenate(found))

    @cached_property
    def _own(self) -> Images:
        return self._read(self._predictor.image_size)

    def _read(self, side: int) -> Images:
        base = max(side, self._predictor.decode_size)
        return np.stack([read_square(file, side, base, self._predictor.decoding) for file in self._files])


Way = Callable[[Maps], Float32Array]

WAYS: dict[str, Way] = {
    "as it is": lambda maps: maps.at("read", 1),
    "enlarged 1.5 times": lambda maps: maps.at("enlarged", 1.5),
    "enlarged 2 times": lambda maps: maps.at("enlarged", 2),
    "read 1.5 times as large": lambda maps: maps.at("read", 1.5),
    "read 2 times as large": lambda maps: maps.at("read", 2),
    "read 3 times as large": lambda maps: maps.at("read", 3),
    "mean of 1 and 2": lambda maps: averaged([maps.at("read", 1), maps.at("read", 2)]),
    "mean of 1, 1.5 and 2": lambda maps: averaged([maps.at("read", factor) for factor in (1, 1.5, 2)]),
    "mean of 1, 2 and 3": lambda maps: averaged([maps.at("read", factor) for factor in (1, 2, 3)]),
    "mean of 1, 1.5 and 2, enlarged": lambda maps: averaged(
        [maps.at("read", 1), *(maps.at("enlarged", factor) for factor in (1.5, 2))]
    ),
    "shifted by half a place": lambda maps: maps.shifted,
    "earlier cut": lambda maps: maps.earlier,
    "mean of 1 and earlier cut": lambda maps: averaged([maps.at("read", 1), maps.earlier]),
}


def averaged(found: Sequence[Float32Array]) -> Float32Array:
    """The mean of maps of several resolutions, on one canvas."""
    return np.asarray(np.mean([resize_maps(maps, CANVAS) for maps in found], axis=0), np.float32)


def each(maps: Float32Array) -> Iterator[Float32Array]:
    """The maps one by one, each of shape (1, H, W)."""
    yield from (maps[row : row + 1] for row in range(len(maps)))


def _density(maps: Float32Array) -> Float32Array:
    """Logits by area: the mean of a map is what its sum was."""
    return maps * np.float32(maps.shape[1] * maps.shape[2])


def _enlarged(images: Images, side: int) -> Images:
    squares = (Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in images)
    return np.stack([np.asarray(square) for square in squares])


def _moved(values: Any, down: int, across: int) -> Any:
    """Pictures or maps (N, H, W, ...) moved down and to the right; what comes in is as the edge."""
    side = values.shape[1]
    rows, columns = (np.clip(np.arange(side) - by, 0, side - 1) for by in (down, across))
    return values[:, rows][:, :, columns]
