"""Heat maps as files: overlays and arrays, which replace nothing but those of the same picture."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from tlsearch.errors import UsageError
from tlsearch.explain.overlay import overlay, to_png
from tlsearch.plugins.api import Images
from tlsearch.predictor.sources.picture import Picture
from tlsearch.types import Float32Array
from tlsearch.utils.files import write_atomically

MARK = "tlsearch-picture"
"""The text in an overlay that says of which picture and class it is."""

_LONGEST_NAME = 80
"""Bytes of the name of a picture, and of a class, in the name of a file: systems allow 255 in all, of which temporary
names take some."""


class MapFolder:
    """Where overlays and arrays go, each file under a name of its own.

    A file that was there before is replaced if tlsearch wrote it for the same picture and class; otherwise the new one
    gets another name.

    Args:
        folder: Is made if it does not exist.

    Raises ``UsageError`` where it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, "made", error) from error

    def write(self, picture: Picture, image: Images, label: str, heat: Float32Array) -> tuple[Path, Path]:
        """Write the overlay and the array of a picture, each renamed into place.

        Args:
            picture: Gives the name.
            image: What the network saw of it, (S, S, 3).
            label: The class that the map is about.
            heat: The map, (H, W).

        Raises:
            UsageError: They cannot be written, as where the disk is full.
        """
        mark = _mark(picture, image, label)
        stream = io.BytesIO()
        np.save(stream, heat, allow_pickle=False)
        try:
            drawn, array = self._free(picture.name, label, mark)
            write_atomically(drawn, to_png(overlay(image, heat), {MARK: mark}))
            write_atomically(array, stream.getvalue())
        except OSError as error:
            raise _unusable(self._folder, "written", error) from error
        return drawn, array

    def _free(self, picture: str, label: str, mark: str) -> tuple[Path, Path]:
        """The first names that no other picture has."""
        stem = PurePath(picture.rstrip("/")).stem
        plain = f"{_end_of(_plain(stem))}-{_beginning_of(_plain(label))}"
        name, number = plain, 2
        while name.casefold() in self._used or self._is_taken(name, mark):
            name, number = f"{plain}-{number}", number + 1
        self._used.add(name.casefold())
        return self._folder / f"{name}.png", self._folder / f"{name}.npy"

    def _is_taken(self, name: str, mark: str) -> bool:
        drawn, array = self._folder / f"{name}.png", self._folder / f"{name}.npy"
        return (drawn.exists() or array.exists()) and _mark_in(drawn) != mark


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _beginning_of(name: str) -> str:
    """As many letters of a name as fit."""
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore")


def _end_of(name: str) -> str:
    """As many of its last letters as fit."""
    return name.encode()[-_LONGEST_NAME:].decode(errors="ignore")


def _unusable(folder: Path, what: str, error: OSError) -> UsageError:
    reason = error.strerror or type(error).__name__
    return UsageError(f"{folder} cannot be {what} ({reason}): name a folder that may be written and has room.")


def _mark(picture: Picture, image: Images, label: str) -> str:
    """What says of which picture and class a map is; of one that lies in no file its pixels say so.

    It is a hash, so that a map that is passed on does not tell where the picture lies.
    """
    digest = hashlib.sha256(label.encode("utf-8", "surrogateescape") + b"\0")
    if picture.path is not None:
        digest.update(str(picture.path.absolute()).encode("utf-8", "surrogateescape"))
    else:
        digest.update(picture.name.encode("utf-8", "surrogateescape") + b"\0" + np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


def _mark_in(file: Path) -> str | None:
    """The mark in an overlay; None where there is no such file, or it is no overlay."""
    try:
        with Image.open(file) as opened:
            found = opened.info.get(MARK)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return found if isinstance(found, str) else None
