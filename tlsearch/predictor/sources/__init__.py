"""What may be asked about: files, folders, archives, addresses, and pictures in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from PIL import Image

from tlsearch.errors import UsageError
from tlsearch.predictor.sources.paths import in_path
from tlsearch.predictor.sources.picture import Picture

Pictures: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | IO[bytes] | Iterable[Any]"
"""A picture, or an iterable of pictures."""


def pictures_of(items: Pictures) -> Iterator[Picture]:
    """Every picture that ``items`` name, one by one."""
    if isinstance(items, str | os.PathLike):
        return in_path(Path(items))
    if isinstance(items, Iterable):
        return (picture for item in items for picture in pictures_of(item))
    raise UsageError(f"A {type(items).__name__} is no picture: give a path.")
