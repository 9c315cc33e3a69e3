"""How many pictures there are, counted without reading any."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tlsearch.folders.archives import is_archive
from tlsearch.folders.lazy import count_images
from tlsearch.utils.addresses import is_address


def count(items: Iterable[Path | str]) -> int | None:
    """How many pictures paths name; None where an archive or an address is among them, which would have to be read."""
    total = 0
    for item in items:
        if is_address(item) or is_archive(str(item)):
            return None
        path = Path(item)
        total += max(1, count_images(path)) if path.is_dir() else 1
    return total
