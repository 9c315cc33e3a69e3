"""Reading arrays by name from a ``.npz``, with few kinds of errors."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What reading a file raises that is empty, cut off, damaged, or compressed or encrypted in an unknown way."""


def open_arrays(file: Path) -> Any:
    """Open a ``.npz``, for ``with``; an array is read when it is asked for by its name. Nothing in it is unpickled.

    Raises:
        ValueError: It is the file of a single array. Other files raise what ``UNREADABLE`` names, there or when an
            array is read, and ``ValueError`` too.
    """
    arrays = np.load(file, allow_pickle=False)
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array, not arrays by name")
    return arrays
