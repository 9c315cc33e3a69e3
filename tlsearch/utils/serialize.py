"""Dataclasses to plain JSON values and back: strict JSON out, unknown keys ignored on the way in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any, finite: bool = True) -> Any:
    """``value`` as dict, list, str, int, float, bool or None, so that strict JSON can hold it.

    Dataclasses become objects, tuples become lists, paths become strings, NumPy's scalars and arrays become Python's
    numbers and lists. A number that is not finite becomes None, because JSON has no word for it; with ``finite`` False
    it stays, as Python's own reader and writer of JSON know it.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name), finite) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, finite) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item, finite) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, without importing NumPy
        return to_plain(value.tolist(), finite)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) or not finite else None
    return value


def from_plain(cls: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass ``cls`` that ``to_plain`` turned into ``values``.

    Unknown keys are ignored, so that an older program reads a newer file of the same schema. Raises
    ``ValueError`` naming the field when one without a default is missing or has the wrong shape.
    """
    hints = get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for f in fields(cls):  # type: ignore[arg-type]  # T is a dataclass; Python has no bound that says so
        if f.name in values:
            try:
                arguments[f.name] = decode(hints[f.name], values[f.name])
            except (TypeError, ValueError, AttributeError) as error:
                raise ValueError(f"{cls.__name__}.{f.name}: {error}") from error
        elif f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{cls.__name__}.{f.name} is missing")
    return cls(**arguments)


def decode(hint: Any, value: Any) -> Any:
    """The value of type ``hint``, as in an annotation, that ``to_plain`` turned into ``value``.

    Raises ``ValueError`` or ``TypeError`` where it has the wrong shape.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        if value is None and NoneType in inner:
            return None
        return decode(next(kind for kind in inner if kind is not NoneType), value)
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ValueError(f"an object is expected, not {value!r}")
        return from_plain(hint, value)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"a list is expected, not {value!r}")
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(decode(kind, item) for kind, item in zip(kinds, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {str(key): decode(inner[1], item) for key, item in value.items()}
    if getattr(origin, "__name__", "") == "ndarray":
        import numpy as np

        return np.asarray(value, get_args(inner[1])[0])
    if hint is float:
        return float(value)
    if hint in (int, str, bool) and not isinstance(value, hint):
        raise ValueError(f"{hint.__name__} is expected, not {value!r}")
    return value
