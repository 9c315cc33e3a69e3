"""Pictures that lie in memory: arrays, Pillow images, bytes, open files.

What is given is copied at once: whoever gives it may use the same array for the next picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
from PIL import Image

from tlsearch.predictor.sources.arrays import Array
from tlsearch.predictor.sources.picture import MOST_BYTES, TOO_LARGE, Picture
from tlsearch.utils.texts import first_line

_BATCH_DIMENSIONS = 4
_LIST_KINDS = "OSU"
_BYTE = 255


def from_bytes(data: bytes) -> Picture:
    """The content of an image file."""
    return Picture(content=data) if len(data) <= MOST_BYTES else Picture(problem=TOO_LARGE)


def from_file(file: IO[bytes]) -> Picture:
    """What an open file has from where it stands to its end."""
    name = getattr(file, "name", "")
    name = name if isinstance(name, str) else ""
    try:
        data: Any = file.read(MOST_BYTES + 1)
    except Exception as error:  # whatever is behind it, such as a connection that breaks
        return Picture(name=name, problem=f"it cannot be read: {first_line(error)}")
    if not isinstance(data, bytes):
        return Picture(name=name, problem="it is a file of text; open it in binary mode, as with open(path, 'rb')")
    return Picture(name=name, content=data) if len(data) <= MOST_BYTES else Picture(name=name, problem=TOO_LARGE)


def from_pillow(image: Image.Image) -> Picture:
    """A Pillow image. A JPEG that is opened and not loaded yet counts as its file, which is read at a fraction."""
    try:
        data = _unread(image)
        if data is not None:
            return from_bytes(data)
        image.load()
        return Picture(content=image.copy())
    except Exception as error:  # decoders raise many kinds on broken files
        return Picture(problem=f"it is broken: {first_line(error)}")


def is_array(item: object) -> bool:
    """Whether something is an array or a tensor, of any library."""
    return hasattr(item, "__array__") or hasattr(item, "numpy")


def of_array(item: Any, within: Callable[[Any], Iterator[Picture]]) -> Iterator[Picture]:
    """The picture that an array is, or the pictures that it holds; ``within`` gives those of a list of names."""
    try:
        if getattr(item, "ndim", None) == _BATCH_DIMENSIONS:
            highest = _highest(item)
            for number in range(len(item)):  # of an array on a disk, one after the other
                yield Picture(content=_copied(item[number]), highest=highest)
            return
        array = _copied(item)
    except Exception as error:  # of whatever library it is
        yield Picture(problem=f"it cannot be read: {first_line(error)}")
        return
    if array.ndim == 1 and array.dtype.kind in _LIST_KINDS:
        yield from within(array.tolist())
    else:
        yield Picture(content=array)


def _highest(item: Any) -> float | None:
    """The first high value that decides the range of all pictures of an array in memory; None where there is none.

    A dark picture among others does not say itself whether its values go to 1 or to 255, or to 255 or 65535. An array
    on a disk is not looked through for that.
    """
    if not hasattr(item, "numpy") and (not isinstance(item, np.ndarray) or isinstance(item, np.memmap)):
        return None
    for number in range(len(item)):
        picture = np.asarray(item[number].numpy() if hasattr(item, "numpy") else item[number])
        if picture.dtype.kind not in "iuf" or picture.dtype in (np.uint8, np.uint16):
            return None
        if picture.size and (high := float(picture.max())) > (1 if picture.dtype.kind == "f" else _BYTE):
            return high
    return None


def _copied(item: Any) -> Array:
    return np.array(item.numpy() if hasattr(item, "numpy") else item)


def _unread(image: Image.Image) -> bytes | None:
    """The bytes of the file of a JPEG, as long as Pillow has read nothing of it but the header."""
    stream = getattr(image, "fp", None)
    if image.format not in ("JPEG", "MPO") or stream is None or not getattr(image, "tile", None) or image.tell() != 0:
        return None
    place = stream.tell()
    stream.seek(0)
    data: bytes = stream.read(MOST_BYTES + 1)
    stream.seek(place)
    return data
