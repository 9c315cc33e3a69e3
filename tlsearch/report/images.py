"""The pictures of a report: as files, and small enough to travel inside a page.

The files are ``pictures/NAME.png``, readable on white, and ``pictures/NAME.csv`` with the data behind it.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.data.images.decode import ImageError, deep_range, load_rgb
from tlsearch.data.images.deep_greys import window_of
from tlsearch.data.images.rgb import Decoding
from tlsearch.report.charts import Key, to_png, to_svg
from tlsearch.utils.files import write_atomically
from tlsearch.utils.texts import csv_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

PICTURES_FOLDER = "pictures"

THUMBNAIL_SIDE = 240
"""Pixels on the longer side: twice the size on the page, for sharp screens."""

Values = tuple[Any, ...]
"""A line of the data behind a picture."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with the numbers that it shows.

    ``name`` is that of its files, ``header`` names the columns of ``rows``; ``keys`` is the legend that the page writes
    beside the chart.
    """

    name: str
    title: str
    figure: Figure
    header: Sequence[str]
    rows: Sequence[Values]
    keys: Sequence[Key] = ()

    @cached_property
    def svg(self) -> str:
        """The chart for the page."""
        with _any_script():
            return to_svg(self.figure, self.name)

    def png(self) -> bytes:
        """The chart for a file. Take ``svg`` first where both are wanted."""
        with _any_script():
            return to_png(self.figure, self.title, self.keys)


@dataclass(frozen=True, kw_only=True)
class PhotoSheet:
    """Photographs with their captions on one PNG, and the list that they are from."""

    name: str
    image: bytes
    header: Sequence[str]
    rows: Sequence[Values]

    def png(self) -> bytes:
        """The sheet."""
        return self.image


def write_pictures(pictures: Sequence[Chart | PhotoSheet], output: Path) -> Path:
    """Write all of them into the folder ``pictures`` of ``output`` and give it; each file is renamed into place."""
    folder = output / PICTURES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        write_atomically(folder / f"{picture.name}.png", picture.png())
        write_atomically(folder / f"{picture.name}.csv", table(picture.header, picture.rows))
    return folder


def table(header: Sequence[str], rows: Sequence[Values]) -> bytes:
    """Rows as CSV in UTF-8; what is not known is empty."""
    # File names that are not Unicode came in as surrogates, which UTF-8 cannot hold.
    return "".join(csv_line(row) for row in (header, *rows)).encode("utf-8", "backslashreplace")


@contextmanager
def _any_script() -> Iterator[None]:
    """Class names may be in any script; matplotlib's own font draws boxes for some and warns of each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def thumbnail(path: Path) -> Image | None:
    """The photograph, at most ``THUMBNAIL_SIDE`` pixels on its longer side; None where the file cannot be read."""
    try:
        deep = deep_range(path)
        image = load_rgb(path, Decoding(window_of([deep]) if deep is not None else None), THUMBNAIL_SIDE)
    except ImageError:
        return None
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return image


def data_uri(image: Image | None) -> str | None:
    """A photograph as a JPEG in a data URI; None for None."""
    if image is None:
        return None
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
