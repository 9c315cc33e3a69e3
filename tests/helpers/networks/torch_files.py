"""Files as PyTorch's ``torch.save`` writes them, in both of its formats, written without PyTorch."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001

STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage"}


class FakeTensor:
    """Pickled as PyTorch pickles a tensor; ``strides`` count numbers."""

    def __init__(self, values: Any, strides: tuple[int, ...] | None = None, offset: int = 0, **other: Any) -> None:
        self.values = np.ascontiguousarray(values)
        self.strides = strides or tuple(step // self.values.itemsize for step in self.values.strides)
        self.offset = offset
        self.shape = other.get("shape", self.values.shape)
        self.kind = other.get("kind", STORAGES.get(str(self.values.dtype), ""))


class _Storage:
    def __init__(self, tensor: FakeTensor, key: str) -> None:
        self.tensor, self.key = tensor, key


@contextmanager
def pretend_torch() -> Iterator[Any]:
    """A module ``torch`` with the names that its files ask for, while they are written."""
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in (*STORAGES.values(), "BFloat16Storage", "ComplexFloatStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    def _rebuild_parameter() -> None: ...

    for function in (_rebuild_tensor_v2, _rebuild_parameter):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(utils, function.__name__, function)
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield torch
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _Pickler(pickle.Pickler):
    """Gives storages by their keys, as PyTorch does; ``legacy`` has one entry more."""

    def __init__(self, stream: Any, legacy: bool) -> None:
        super().__init__(stream, protocol=2)
        self.legacy = legacy
        self.storages: dict[str, FakeTensor] = {}

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Storage):
            return None
        kind = getattr(sys.modules["torch"], obj.tensor.kind)
        identity = ("storage", kind, obj.key, "cpu", obj.tensor.values.size)
        return (*identity, None) if self.legacy else identity

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, FakeTensor):
            return NotImplemented
        key = str(len(self.storages))
        self.storages[key] = obj
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (_Storage(obj, key), obj.offset, tuple(obj.shape), obj.strides, False, OrderedDict())


def tensors(arrays: Mapping[str, Any]) -> OrderedDict[str, Any]:
    """A state dict of arrays, with the attribute ``_metadata`` that PyTorch gives it."""
    state = OrderedDict((name, FakeTensor(np.asarray(array))) for name, array in arrays.items())
    state._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]  # as PyTorch does
    return state


def write_zip(file: Path, content: Any, compression: int = zipfile.ZIP_STORED) -> Path:
    """The format since PyTorch 1.6."""
    stream = io.BytesIO()
    with pretend_torch():
        pickler = _Pickler(stream, legacy=False)
        pickler.dump(content)
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        archive.writestr("archive/byteorder", "little")
        for key, tensor in pickler.storages.items():
            archive.writestr(f"archive/data/{key}", tensor.values.tobytes())
        archive.writestr("archive/version", "3\n")
    return file


def write_legacy(file: Path, content: Any) -> Path:
    """The format before, in which the weights of GoogLeNet are published."""
    with file.open("wb") as stream, pretend_torch():
        pickle.dump(MAGIC, stream, protocol=2)
        pickle.dump(VERSION, stream, protocol=2)
        pickle.dump({"protocol_version": VERSION, "little_endian": True, "type_sizes": {"int": 4}}, stream, protocol=2)
        pickler = _Pickler(stream, legacy=True)
        pickler.dump(content)
        pickle.dump(sorted(pickler.storages), stream, protocol=2)
        for key in sorted(pickler.storages):
            values = pickler.storages[key].values
            stream.write(struct.pack("<q", values.size) + values.tobytes())
    return file
