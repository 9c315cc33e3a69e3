"""Messages between tlsearch's own processes: values as bytes, without running any code to read them.

A message is its length (8 bytes, big-endian) and JSON. What JSON has no word for is an object with one key that says
what it is: ``{"tuple": [...]}``, ``{"map": [[key, value], ...]}``, ``{"array": [dtype, shape, base64]}``,
``{"path": "..."}``, or ``{"record": ["module:Name", {...}]}`` for a dataclass of tlsearch. No other type is read.
"""

from __future__ import annotations

import base64
import importlib
import json
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">Q")
_HOME = "tlsearch"


class MessageError(ValueError):
    """What came through the stream is no message."""


def send(stream: BinaryIO, value: Any) -> None:
    """Write a message. Raises ``TypeError`` where ``value`` holds something that a message cannot."""
    content = json.dumps(_packed(value), separators=(",", ":")).encode("ascii")
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read a message. Raises ``EOFError`` where the stream ends, ``MessageError`` where it holds no message."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    content = _exactly(stream, length)
    try:
        return _unpacked(json.loads(content))
    except (ValueError, TypeError, ImportError, RecursionError) as error:
        raise MessageError(str(error)) from error


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("the stream ended in the middle of a message, or before it")
    return content


def _packed(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_packed(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_packed(item) for item in value]}
    if isinstance(value, Mapping):
        return {"map": [[_packed(key), _packed(item)] for key, item in value.items()]}
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        content = {f.name: _packed(getattr(value, f.name)) for f in fields(value) if f.init}
        return {"record": [f"{kind.__module__}:{kind.__qualname__}", content]}
    if isinstance(value, PurePath):
        return {"path": str(value)}
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):  # NumPy's, without importing NumPy
        if not value.shape:
            return value.item()
        return {"array": [value.dtype.str, value.shape, base64.b64encode(value.tobytes()).decode("ascii")]}
    raise TypeError(f"a message cannot hold {type(value).__name__}")


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tuple":
        return tuple(_unpacked(item) for item in content)
    if kind == "map":
        return {_unpacked(key): _unpacked(item) for key, item in content}
    if kind == "path":
        return Path(content)
    if kind == "array":
        import numpy as np

        dtype, shape, text = content
        return np.frombuffer(bytearray(base64.b64decode(text)), np.dtype(dtype)).reshape(shape)
    if kind == "record":
        name, values = content
        return _record(name)(**{key: _unpacked(item) for key, item in values.items()})
    raise ValueError(f"a message cannot hold the kind {kind!r}")


def _record(name: str) -> Any:
    """The dataclass of tlsearch with this name."""
    module, _, attribute = name.partition(":")
    if module.partition(".")[0] != _HOME:
        raise ValueError(f"a message cannot hold {name}")
    found = getattr(importlib.import_module(module), attribute, None)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ValueError(f"a message cannot hold {name}")
    return found
