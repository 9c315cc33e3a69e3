"""A view: one seeded, augmented rendering of the whole pool of training and validation images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tlsearch.plugins.api import Augmentation, Images
from tlsearch.utils.deadline import check_time

RENDER_CHUNK = 64
"""Images that share one random generator: views are rendered in fixed chunks in data set order."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The ``number``-th rendering of the pool by ``policy`` at ``strength`` (0 to 1) from ``seed``.

    The images as they are have one view only: policy "none", strength 0, number 0.
    """

    policy: str = "none"
    strength: float = 0.0
    number: int = 0
    seed: int = 0

    @property
    def plain(self) -> bool:
        """Whether these are the images as they are."""
        return self.strength == 0.0


PLAIN = View()


def chunk_generator(view: View, chunk: int) -> np.random.Generator:
    """Give the source of randomness for the ``chunk``-th 64 images of a view, the same wherever it is rendered."""
    text = f"{view.seed}/{view.policy}/{view.strength:.6f}/{view.number}/{chunk}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def render_chunks(pixels: Images, view: View, augmentation: Augmentation | None) -> Iterator[tuple[int, Images]]:
    """Give the view in chunks: (row of its first image, uint8 images). ``augmentation`` is None for plain views.

    Raises ``OutOfTimeError`` where the time for it is over.
    """
    for chunk, start in enumerate(range(0, len(pixels), RENDER_CHUNK)):
        images = np.asarray(pixels[start : start + RENDER_CHUNK])
        if view.plain or augmentation is None:
            yield start, images
            continue
        check_time()
        yield start, augmentation.render(images, view.strength, chunk_generator(view, chunk))
