"""Pictures small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from tlsearch.data.decode import ImageError, load_rgb

SIDE = 240
"""Pixels on the longer side: twice the size on the page, for sharp screens."""


def thumbnail(path: Path) -> str | None:
    """A small JPEG as a data URI, or None where the file cannot be read."""
    try:
        image = load_rgb(path)
    except ImageError:
        return None
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
