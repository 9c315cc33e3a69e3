"""The looks of all pictures of a data set, of which the thumbnails, 4.6 kB each, lie in a file and not in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from tlsearch.data.near_duplicates.fingerprint import SHAPE, WHOLE_PICTURE, ImageFingerprint
from tlsearch.types import BoolArray, Float32Array, IntArray
from tlsearch.utils.files import reserve, unusable
from tlsearch.utils.mapped import read_rows

_BYTES = SHAPE[0] * SHAPE[1]  # of a thumbnail


class FingerprintStore:
    """What the search for near-duplicates knows of up to ``capacity`` pictures, in the order in which they are added.

    It is a context manager. The thumbnails are in a file without a name in ``folder``, or in the system's folder for
    temporary files; the system removes it when the block ends, or when the process does. One thread may use it at a
    time.

    Args:
        capacity: The number of pictures for which there is room.
        folder: The folder for what a run leaves, on a disk with room for 4.6 kB a picture.

    Raises:
        RunError: On entering, and from ``add``: the disk is full.
    """

    def __init__(self, capacity: int, folder: Path | None = None) -> None:
        self._capacity = capacity
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        elsewhere = "another folder in TMPDIR" if folder is None else "an output folder elsewhere with --output"
        self._remedy = f"make room there, or name {elsewhere}"
        self._count = 0
        self._hashes = np.empty(capacity, np.uint64)
        self._colours = np.empty((capacity, WHOLE_PICTURE), np.float32)
        self._small = np.empty(capacity, bool)

    def __enter__(self) -> Self:
        with self._room_needed():
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)
            try:
                reserve(self._file, self._capacity * _BYTES)
                self._file.seek(0)
            except OSError:
                self._file.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """The difference hashes, (n,), 64 bits each."""
        return self._hashes[: self._count]

    @property
    def colours(self) -> Float32Array:
        """Mean and spread of red, green and blue over the whole picture, (n, 6), 0..255."""
        return self._colours[: self._count]

    @property
    def small(self) -> BoolArray:
        """Whether a side of the picture is shorter than 64 pixels, (n,)."""
        return self._small[: self._count]

    def add(self, look: ImageFingerprint) -> None:
        """Keep the look of one more picture."""
        with self._room_needed():
            self._file.write(look.thumbnail)
        self._hashes[self._count] = look.hash
        self._colours[self._count] = look.colours[:WHOLE_PICTURE]
        self._small[self._count] = look.small
        self._count += 1

    def thumbnails(self, rows: IntArray | slice) -> npt.NDArray[np.uint8]:
        """A copy of the grey thumbnails of some pictures, uint8 (n, 64, 72)."""
        if not self._count:
            return np.empty((0, *SHAPE), np.uint8)
        with self._room_needed():
            self._file.flush()
        found = read_rows(self._file, self._count, SHAPE, rows)
        self._file.seek(self._count * _BYTES)
        return found

    @contextmanager
    def _room_needed(self) -> Iterator[None]:
        """Inside, what the system has against writing becomes an error for people."""
        try:
            yield
        except OSError as error:
            raise unusable(self._folder, self._capacity * _BYTES, error, self._remedy) from error
