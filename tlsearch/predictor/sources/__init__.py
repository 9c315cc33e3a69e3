"""What may be asked about: files, folders, archives, addresses, pictures in memory, and iterables of all these."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, TypeAlias

from PIL import Image

from tlsearch.errors import UsageError
from tlsearch.predictor.sources.addresses import at_address
from tlsearch.predictor.sources.memory import from_bytes, from_file, from_pillow, is_array, of_array
from tlsearch.predictor.sources.paths import in_path
from tlsearch.predictor.sources.picture import Picture
from tlsearch.utils.addresses import expand_home, is_address

Pictures: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | IO[bytes] | Iterable[Any]"
"""What can be asked about.

- a path: of an image file; of a folder, for the images in it at any depth; of a .zip or .tar file, for those in it
- an address, such as ``https://host/a.jpg`` or ``s3://bucket/folder``: of one of these (extras ``http``, ``s3``, ...)
- ``bytes``: the content of an image file; or an open file with such content, in binary mode
- a Pillow image
- an array or a tensor: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or several as (N, H, W, C). Bytes and other whole
  numbers are 0..255, greys of type uint16 0..65535, floats 0..1 or, where one is above 1, 0..255.
- an iterable of any of these, endless ones too.
"""

GIVE = "give a path, an address, bytes, an open file, an array or a Pillow image"


def pictures_of(items: Pictures) -> Iterator[Picture]:
    """Every picture that ``items`` name, one by one; a ``Picture`` says where one is unavailable.

    Raises ``UsageError``, at once, where ``items`` is nothing that can be a picture.
    """
    if _source_of(items) is None:
        raise UsageError(f"{_kind(items)} is no picture: {GIVE}.")
    return _named(items)


def _named(items: Pictures) -> Iterator[Picture]:
    """The pictures, where those without a name are numbered."""
    for number, picture in enumerate(_of(items)):
        yield picture if picture.name else replace(picture, name=f"image {number}")


def _of(item: Any) -> Iterator[Picture]:
    found = _source_of(item)
    return iter([Picture(problem=f"{_kind(item)} is no picture; {GIVE}")]) if found is None else found


def _source_of(item: Any) -> Iterator[Picture] | None:
    """The pictures of something; None where it is nothing that can hold any."""
    if isinstance(item, str) and is_address(item):
        return at_address(item)
    if isinstance(item, str | os.PathLike):
        return in_path(expand_home(Path(item)))
    if isinstance(item, bytes | bytearray | memoryview):
        return iter([from_bytes(bytes(item))])
    if isinstance(item, Image.Image):
        return iter([from_pillow(item)])
    if hasattr(item, "read"):
        return iter([from_file(item)])
    if is_array(item):
        return of_array(item, _of)
    if isinstance(item, Iterable) and not isinstance(item, Mapping):
        return (picture for inner in item for picture in _of(inner))
    return None


def _kind(item: object) -> str:
    return f"a {type(item).__name__}"
