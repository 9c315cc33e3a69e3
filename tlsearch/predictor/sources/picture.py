"""One picture that is asked about, and how its pixels are read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from tlsearch.data.images.decode import ImageError, read_square, square_of_bytes, square_of_image
from tlsearch.data.images.rgb import Decoding
from tlsearch.plugins.api import Images


class Fetched(Protocol):
    """What is elsewhere, and is brought when it is read."""

    def fetch(self) -> bytes:
        """Bring all of it. Raises ``ImageError`` where that cannot be done."""
        ...


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is asked about.

    Attributes:
        name: What it is called, for people.
        content: The file, its bytes, the picture with its pixels, or what brings its bytes; None where it cannot be
            had.
        problem: Why it cannot be had, in a few words; empty where nothing is known against it.
    """

    name: str
    content: Path | bytes | Image.Image | Fetched | None = None
    problem: str = ""

    @property
    def path(self) -> Path | None:
        """The file, where it is one that lies on a disk."""
        return self.content if isinstance(self.content, Path) else None


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


def read_pixels(picture: Picture, shape: Shape) -> Images | str:
    """The pixels of a picture, uint8 (size, size, 3), or the reason why there are none. Safe in threads."""
    content = picture.content
    if content is None:
        return picture.problem
    try:
        if isinstance(content, Path):
            return read_square(content, shape.size, shape.base, shape.decoding)
        if isinstance(content, Image.Image):
            return square_of_image(content, shape.size, shape.base, shape.decoding)
        data = content if isinstance(content, bytes) else content.fetch()
        return square_of_bytes(io.BytesIO(data), shape.size, shape.base, shape.decoding)
    except ImageError as error:
        return error.reason
