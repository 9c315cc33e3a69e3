"""The images that a proof is made on, and how they reach a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from tlsearch.data.images.decode import ImageError, calm_pillow, read_square
from tlsearch.data.images.parallel import map_files
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array, LabelArray


@dataclass(frozen=True, kw_only=True)
class LabelledFiles:
    """Files with their classes.

    Attributes:
        files: Where they lie.
        labels: Positions in the labels of the model.
        groups: Files with equal numbers belong together.
        source: What they are, for people.
        seen: Whether the model was trained on them.
        hashes: Those of their contents; empty where they are not known.
    """

    files: tuple[Path, ...]
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    source: str
    seen: bool = False
    hashes: tuple[str, ...] = ()

    def at_most(self, count: int) -> LabelledFiles:
        """Give ``count`` of them, evenly spaced, so that each class and folder keeps its share; all if they are few."""
        if len(self.files) <= count:
            return self
        rows = np.linspace(0, len(self.files) - 1, count).round().astype(int).tolist()
        source = f"{count:,} of {self.source}"
        return replace(self.of(rows), source=source)

    def of(self, rows: Sequence[int]) -> LabelledFiles:
        """Give those at ``rows``."""
        return replace(
            self,
            files=tuple(self.files[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
            hashes=tuple(self.hashes[row] for row in rows) if self.hashes else (),
        )


@dataclass(frozen=True)
class Batch:
    """Decoded images: ``pixels`` of shape (N, S, S, 3), 0..255, and their positions in the images asked for."""

    pixels: Float32Array
    rows: LabelArray


def batches(predictor: Predictor, files: Sequence[Path], size: int) -> Iterator[Batch]:
    """Decode files as ``predict`` does and give them in batches of at most ``size``; what cannot be read is missing."""

    def read(file: Path) -> Images | None:
        try:
            return read_square(file, predictor.image_size, predictor.decode_size, predictor.decoding)
        except ImageError:
            return None

    with calm_pillow():
        decoded = enumerate(map_files(read, files))
        while part := list(islice(decoded, size)):
            kept = [(row, image) for row, image in part if image is not None]
            if kept:
                pixels = np.stack([image for _, image in kept]).astype(np.float32)
                yield Batch(pixels, np.array([row for row, _ in kept], dtype=np.intp))
