"""The arrays in a weights file of PyTorch (.pth, .pt, .bin), in both of its formats."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlsearch.errors import WeightsError
from tlsearch.plugins.torch_files.pickled import RefusedError, Storage, Tensor, read_pickle
from tlsearch.types import AnyArray

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""What a file begins with that was written before PyTorch 1.6, or with its option for the former format."""

_DTYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""NumPy's types; it has no bfloat16, whose bits are the upper half of a float32."""

MOST_SHOWN, FEWEST_NUMBERS = 100, 1000
"""How often tensors show each number of a file at most, on average, and the numbers from which that counts: layers may
share their weights, and a small file must not become a large one."""

_INSIDE = "state_dict"
"""The name under which checkpoints of training hold the weights."""


def read_state_dict(file: Path) -> dict[str, AnyArray]:
    """Read the arrays of a file by their names. Nothing in the file is executed.

    Raises:
        WeightsError: The file is missing, is not one of PyTorch, is broken, or holds other things than a mapping of
            names to tensors. A file that would execute something is among these.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return _of_archive(archive)
        with file.open("rb") as stream:
            return _of_legacy(stream, file.stat().st_size)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"The file {file} cannot be read ({error}): give the path of a whole file.") from error
    except RefusedError as error:
        raise WeightsError(
            f"The file {file} is not read, because {error}: give a file that holds weights alone, written by "
            "torch.save(model.state_dict(), FILE)."
        ) from error


def _of_archive(archive: zipfile.ZipFile) -> dict[str, AnyArray]:
    names = [name for name in archive.namelist() if name.endswith("data.pkl")]
    if len(names) != 1:
        raise RefusedError("it is a zip file, but not one of PyTorch")
    folder = names[0].removesuffix("data.pkl")
    order = ">" if _text(archive, f"{folder}byteorder") == "big" else "<"

    def numbers(storage: Storage) -> AnyArray:
        return _numbers(_content(archive, f"{folder}data/{storage.key}"), storage, order)

    with archive.open(_stored(archive, names[0])) as stream:
        described = read_pickle(stream)
    return _arrays(described, numbers)


def _stored(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A part of the archive. PyTorch compresses nothing, so that no small file can become a large one."""
    try:
        part = archive.getinfo(name)
    except KeyError:
        raise RefusedError(f"its part {name} is missing") from None
    if part.compress_type != zipfile.ZIP_STORED:
        raise RefusedError(f"its part {name} is compressed, which PyTorch does not do")
    return part


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    return archive.read(_stored(archive, name))


def _text(archive: zipfile.ZipFile, name: str) -> str:
    return _content(archive, name).decode("ascii", "replace") if name in archive.namelist() else ""


def _of_legacy(stream: IO[bytes], size: int) -> dict[str, AnyArray]:
    """Five pickles (a number, a version, the machine, the weights, the keys of the storages), then the storages."""
    if stream.read(1) != b"\x80":
        raise RefusedError("it is not a file of PyTorch")
    stream.seek(0)
    if read_pickle(stream) != LEGACY_MAGIC:
        raise RefusedError("it is a pickle, but not a file of PyTorch")
    read_pickle(stream)
    machine = read_pickle(stream)
    order = ">" if isinstance(machine, dict) and machine.get("little_endian") is False else "<"
    described, keys = read_pickle(stream), read_pickle(stream)
    if not isinstance(keys, list):
        raise RefusedError("its list of storages is broken")
    known = {storage.key: storage for storage in _storages(described)}
    found: dict[str, AnyArray] = {}
    for key in map(str, keys):
        storage = known.get(key)
        if storage is None:
            raise RefusedError("it holds numbers besides the weights")
        stream.read(8)  # their count, which is known already
        length = np.dtype(_dtype(storage)).itemsize * storage.count
        if not 0 <= length <= size:
            raise RefusedError("it says that it holds more numbers than it does")
        found[key] = _numbers(stream.read(length), storage, order)
    try:
        return _arrays(described, lambda storage: found[storage.key])
    except KeyError as error:
        raise RefusedError(f"its numbers {error} are missing") from None


def _storages(described: Any) -> list[Storage]:
    return [tensor.storage for tensor in _tensors(described).values()]


def _tensors(described: Any) -> dict[str, Tensor]:
    """The tensors of a state dict, or of the one in a checkpoint; other values are left aside."""
    if isinstance(described, dict) and isinstance(described.get(_INSIDE), dict):
        described = described[_INSIDE]
    if not isinstance(described, dict):
        raise RefusedError("it holds no mapping of names to tensors")
    found = {name: value for name, value in described.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if not found:
        raise RefusedError("it holds no mapping of names to tensors")
    return found


def _arrays(described: Any, numbers: Callable[[Storage], AnyArray]) -> dict[str, AnyArray]:
    """An array for each tensor; several may look into one storage, which is read once."""
    read: dict[str, AnyArray] = {}
    arrays: dict[str, AnyArray] = {}
    held = shown = 0
    for name, tensor in _tensors(described).items():
        key = tensor.storage.key
        if key not in read:
            read[key] = numbers(tensor.storage)
            held += len(read[key])
        arrays[name] = _view(tensor, read[key], name)
        shown += arrays[name].size
        if shown > MOST_SHOWN * max(held, FEWEST_NUMBERS):
            raise RefusedError("its tensors show the same numbers over and over")
    return arrays


def _dtype(storage: Storage) -> str:
    if storage.kind not in _DTYPES:
        raise RefusedError(f"it holds numbers of the unknown type {storage.kind}")
    return _DTYPES[storage.kind]


def _numbers(content: bytes, storage: Storage, order: str) -> AnyArray:
    dtype = np.dtype(_dtype(storage)).newbyteorder(order)  # type: ignore[arg-type]  # "<" or ">"
    if len(content) != dtype.itemsize * storage.count:
        raise RefusedError("it is cut off: some of its numbers are missing")
    values = np.frombuffer(content, dtype)
    if storage.kind == "BFloat16Storage":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(dtype.newbyteorder("="))


def _view(tensor: Tensor, values: AnyArray, name: str) -> AnyArray:
    """The array that a tensor shows of its storage, which must hold all of it."""
    count = math.prod(tensor.shape)
    if len(tensor.shape) != len(tensor.strides) or count > len(values):
        raise RefusedError(f"its tensor {name!r} is larger than what it looks into")
    if count == 0:
        return np.zeros(tensor.shape, values.dtype)
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(values):
        raise RefusedError(f"its tensor {name!r} reaches beyond what it looks into")
    steps = [stride * values.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, steps, writeable=False).copy()
