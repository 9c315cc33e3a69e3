"""Pictures small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.data.decode import ImageError, load_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 240
"""Pixels on the longer side: twice the size on the page, for sharp screens."""


def thumbnail(path: Path) -> Image | None:
    """The picture, at most ``SIDE`` pixels on its longer side; None where the file cannot be read."""
    try:
        image = load_rgb(path)
    except ImageError:
        return None
    image.thumbnail((SIDE, SIDE))
    return image


def data_uri(image: Image | None) -> str | None:
    """A picture as a JPEG in a data URI; None for None."""
    if image is None:
        return None
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
