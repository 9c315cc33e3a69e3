"""One picture that is asked about, and how its pixels are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from PIL import Image

from tlsearch.data.images.decode import ImageError, read_square, square_of_bytes, square_of_image
from tlsearch.data.images.rgb import Decoding
from tlsearch.plugins.api import Images
from tlsearch.predictor.sources.arrays import Array, image_of_array

MOST_BYTES = 500_000_000
"""The most bytes of a picture that is no file on a disk: of an address, an archive or a stream."""

TOO_LARGE = f"it has more than {MOST_BYTES / 1e6:.0f} MB; save it as a file and name that"


class Fetched(Protocol):
    """What is elsewhere, and is brought when it is read."""

    def fetch(self) -> bytes:
        """Bring all of it. Raises ``ImageError`` where that cannot be done."""
        ...


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is asked about.

    Attributes:
        name: What it is called, for people; empty for what has no name.
        content: The file, its bytes, the picture with its pixels, or what brings its bytes; None where it cannot be
            had.
        problem: Why it is unavailable, in a few words; empty where nothing is known against it.
        highest: A high value of the array that it is from with others, which have one range; None for none.
    """

    name: str = ""
    content: Path | bytes | Image.Image | Array | Fetched | None = None
    problem: str = ""
    highest: float | None = None

    @property
    def path(self) -> Path | None:
        """The file, where it is one that lies on a disk."""
        return self.content if isinstance(self.content, Path) else None

    @property
    def held_bytes(self) -> int:
        """The memory that its content takes."""
        content = self.content
        if isinstance(content, bytes):
            return len(content)
        if isinstance(content, Image.Image):
            return content.width * content.height * len(content.getbands())
        return content.nbytes if isinstance(content, np.ndarray) else 0

    def released(self) -> Picture:
        """The same without its content, but for a path."""
        return self if self.path is not None else replace(self, content=None)


BatchListener: TypeAlias = Callable[[Sequence[tuple[Picture, Images | str]]], None]
"""Is given the pictures of a batch, each with its pixels, uint8 (S, S, 3), or with the reason why there are none."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model wants of a picture.

    Attributes:
        size: The side of the square, in pixels.
        base: The side at which the run kept its pixels, from which they are squeezed to ``size``.
        decoding: How pictures are decoded.
    """

    size: int
    base: int
    decoding: Decoding


def read_pixels(picture: Picture, shape: Shape) -> tuple[Picture, Images | str]:
    """A picture, released, with its pixels, uint8 (size, size, 3), or the reason why there are none.

    Safe in threads.
    """
    return picture.released(), _read(picture, shape)


def _read(picture: Picture, shape: Shape) -> Images | str:
    content, how = picture.content, (shape.size, shape.base, shape.decoding)
    if content is None:
        return picture.problem
    try:
        if isinstance(content, Path):
            return read_square(content, *how)
        if isinstance(content, np.ndarray):
            content = image_of_array(content, shape.decoding, picture.highest)
        if isinstance(content, Image.Image):
            return square_of_image(content, *how)
        return square_of_bytes(content if isinstance(content, bytes) else content.fetch(), *how)
    except ImageError as error:
        return error.reason


def shown_path(path: Path) -> str:
    """A path as any file and any program can hold it."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
