"""The names of what is in an archive or at an address: which of them stay inside the folder they are written to."""

from __future__ import annotations

import re
from pathlib import Path

from tlsearch.errors import DataError

_DRIVE = re.compile(r"[A-Za-z]:")


def place_of(name: str, folder: Path, source: str) -> Path:
    """Where the member ``name`` of ``source`` is written below ``folder``; backslashes are slashes.

    Raises ``DataError`` for a name that leads out of the folder, or that no file can have.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    outside = name.startswith(("/", "\\")) or ".." in parts or (bool(parts) and _DRIVE.match(parts[0]) is not None)
    if outside or "\0" in name or not parts:
        raise DataError(
            f"{source} holds the name {printable(name)}, which leads out of the folder that it is unpacked to: do not "
            "trust it, or make it anew from the folder of images."
        )
    return folder.joinpath(*parts)


def printable(name: str) -> str:
    """A name as a sentence can hold it."""
    return ascii(name) if len(name) <= 100 else ascii(name[:100]) + "..."
