"""Pixels in a memory-mapped file: uint8 (n, size, size, 3), one row an image, written in parallel.

The file is a plain ``.npy``, written under a temporary name and renamed; memory stays flat however many
images there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlsearch.data.images.decode import calm_pillow, read_picture, shrink
from tlsearch.data.images.parallel import CountListener, map_files
from tlsearch.data.index import DatasetIndex, Survey
from tlsearch.data.survey import Outcome, assemble, read_image
from tlsearch.errors import DataError
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.api import Images
from tlsearch.utils.files import atomic_path, unusable
from tlsearch.utils.mapped import StoredArray, create_array, open_array

_CHUNK_BYTES = 32 * 2**20  # what one step of a copy holds in memory


def decode_all(
    found: Survey, size: int, file: Path, progress: CountListener | None = None, workers: int | None = None
) -> DatasetIndex:
    """Decode every image of a survey once, write its pixels to ``file`` and complete the index.

    Row i of ``file`` is ``index.images[i]``, squeezed to (size, size, 3) by ``decode.to_square``. A file that
    turns out to be broken is not used and has no row. Raises ``DataError`` when too few images are left;
    ``file`` is not there then.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as part:
        index = _decode_to(part, found, size, progress, workers)
        used = {image.path for image in index.images}
        kept = [row for row, image in enumerate(found.images) if image.path in used]
        if len(kept) < len(found.images):
            select_rows(part, kept, part)
    return index


def decode_rows(
    index: DatasetIndex, rows: Sequence[int], size: int, file: Path, progress: CountListener | None = None
) -> None:
    """Decode these images of an index once more, as its ``decoding`` says, and write their pixels to ``file``.

    Raises ``DataError`` where a file has changed since it was read for the index.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as part:
        pixels = new_pixels(part, len(rows), size)

        def read(place: int) -> None:
            image = index.images[rows[place]]
            picture = read_picture(index.file(rows[place]), size, image.path, index.decoding)
            if picture.sha256 != image.sha256:
                raise DataError(f"The picture {image.path} has changed since the run began: start a new run.")
            pixels[place] = picture.square

        with calm_pillow():
            for _ in map_files(read, range(len(rows)), progress):
                pass
        pixels.flush()


def _decode_to(
    file: Path, found: Survey, size: int, progress: CountListener | None, workers: int | None
) -> DatasetIndex:
    """Decode into a row for every image of the survey; those of broken files stay zero."""
    count = len(found.images)
    pixels = new_pixels(file, count, size)

    def read(row: int) -> Outcome:
        outcome = read_image(found, row, size)
        if isinstance(outcome, Skipped):
            return outcome
        record, picture = outcome
        pixels[row] = picture.square
        return record, picture.look

    with calm_pillow():
        index = assemble(found, map_files(read, range(count), progress, workers), file.parent)
    pixels.flush()
    return index


def new_pixels(file: Path, count: int, size: int) -> StoredArray:
    """A new file for ``count`` images, to be written: uint8 (count, size, size, 3).

    Raises ``RunError`` where the disk is full.
    """
    try:
        return create_array(file, (count, size, size, 3), "uint8")
    except OSError as error:
        remedy = "make room there, or name an output folder elsewhere with --output"
        raise unusable(file.parent, count * size * size * 3, error, remedy) from error


def open_pixels(file: Path) -> Images:
    """The rows of a file that ``decode_all`` or ``select_rows`` wrote, read-only and memory-mapped where that goes."""
    return open_array(file)


def select_rows(source: Path, rows: Sequence[int], target: Path) -> None:
    """Copy ``rows`` of ``source``, in that order, to ``target``, in chunks; the two may be one file."""
    pixels = open_pixels(source)
    chunk = max(1, _CHUNK_BYTES // max(1, pixels[0].nbytes))
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as part:
        copy = new_pixels(part, len(rows), pixels.shape[1])
        for start in range(0, len(rows), chunk):
            copy[start : start + chunk] = pixels[list(rows[start : start + chunk])]
        copy.flush()
        del copy, pixels


def smaller(pixels: Images, rows: Sequence[int], size: int) -> Images:
    """``rows`` of ``pixels`` squeezed to uint8 (len(rows), size, size, 3), in memory.

    Equal, bit for bit, to ``decode.read_square(path, size, base)`` on the original files.
    """
    if pixels.shape[1] == size:
        return np.asarray(pixels[list(rows)])
    result = np.empty((len(rows), size, size, 3), np.uint8)
    for place, row in enumerate(rows):
        result[place] = shrink(np.asarray(pixels[row]), size)
    return result
