"""How the codec turns each kind of value into JSON values and back: hooks for cattrs, and factories of hooks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from cattrs import Converter

TAG = "type"
"""The key under which a member of a union of records says which of them it is."""

Encode = Callable[[Any], Any]
Decode = Callable[[Any, Any], Any]


def explained(error: BaseException) -> str:
    """Say where a value has the wrong shape: ``Outer.field: Inner.field: int is expected, not 'six'``."""
    from cattrs import AttributeValidationNote, ClassValidationError

    if not isinstance(error, ClassValidationError):
        return str(error)
    first = error.exceptions[0]
    (name,) = (note.name for note in first.__notes__ if isinstance(note, AttributeValidationNote))
    field = f"{error.cl.__name__}.{name}"
    return f"{field} is missing" if isinstance(first, KeyError) else f"{field}: {explained(first)}"


# Plain values.


def plain(value: Any) -> Any:
    """A value that JSON can hold; of NumPy's numbers, which annotations take for Python's, Python's."""
    return value.item() if hasattr(value, "dtype") else value


def refused(kind: Any) -> Encode:
    """Give a hook that refuses every value of ``kind``, which has no form in JSON."""

    def refuse(value: Any) -> Any:
        raise TypeError(f"JSON cannot hold {type(value).__name__}")

    return refuse


def exactly(kind: type) -> Decode:
    """Give a hook that takes values of ``kind`` as they are, and no others."""

    def check(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"{'None' if kind is NoneType else kind.__name__} is expected, not {value!r}")
        return value

    return check


def to_float(value: Any, _: Any) -> float:
    """Take any number, because JSON writes 1.0 as 1."""
    if not isinstance(value, int | float):
        raise ValueError(f"a number is expected, not {value!r}")
    return float(value)


def is_literal(kind: Any) -> bool:
    """Whether a type is one of several values."""
    return get_origin(kind) is Literal


def decode_literal(kind: Any) -> Decode:
    """Give a hook that takes these values as they are, and no others."""
    known = get_args(kind)

    def check(value: Any, _: Any) -> Any:
        if value not in known:
            raise ValueError(f"one of {', '.join(map(repr, known))} is expected, not {value!r}")
        return value

    return check


# Records.


def is_record(kind: Any) -> bool:
    """Whether a type is a dataclass."""
    return isinstance(kind, type) and is_dataclass(kind)


def decode_record(kind: Any, converter: Converter) -> Decode:
    """Give a hook that makes a dataclass of an object."""
    from cattrs.gen import make_dict_structure_fn

    made = make_dict_structure_fn(kind, converter)

    def decode(value: Any, _: Any) -> Any:
        return made(_object(value), kind)

    return decode


def encode_record(kind: Any, converter: Converter) -> Encode:
    """Also of a record that is a sequence, which cattrs would write as a list."""
    from cattrs.gen import make_dict_unstructure_fn

    return make_dict_unstructure_fn(kind, converter)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"an object is expected, not {value!r}")
    return value


def is_records(kind: Any) -> bool:
    """Whether it is a union of several dataclasses, and of nothing else but perhaps None."""
    members = _members(kind)
    return len(members) > 1 and all(map(is_record, members))


def _members(kind: Any) -> list[Any]:
    if get_origin(kind) not in (UnionType, Union):
        return []
    return [member for member in get_args(kind) if member is not NoneType]


def decode_records(kind: Any, converter: Converter) -> Decode:
    """Give a hook that makes of an object the dataclass that it names."""
    known = {member.__name__: member for member in _members(kind)}

    def decode(value: Any, _: Any) -> Any:
        if value is None and NoneType in get_args(kind):
            return None
        name = _object(value).get(TAG)
        member = known.get(name) if isinstance(name, str) else None
        if member is None:
            raise ValueError(f"one of {', '.join(known)} is expected, not {name!r}")
        return converter.structure(value, member)

    return decode


def encode_records(kind: Any, converter: Converter) -> Encode:
    """Give a hook that makes an object of a dataclass, with its name."""
    known = set(_members(kind))

    def encode(value: Any) -> Any:
        if value is None:
            return None
        if type(value) not in known:
            raise TypeError(f"{type(value).__name__} is none of {', '.join(sorted(k.__name__ for k in known))}")
        return {TAG: type(value).__name__, **converter.unstructure(value)}

    return encode


# Mappings.


def is_mapping(kind: Any) -> bool:
    """Whether a type is a mapping."""
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _key_and_item(kind: Any) -> tuple[Any, Any]:
    return get_args(kind) or (Any, Any)


def decode_mapping(kind: Any, converter: Converter) -> Decode:
    """Give a hook that makes a mapping of an object, or of a list of pairs."""
    key, item = _key_and_item(kind)
    decode_key, decode_item = converter.get_structure_hook(key), converter.get_structure_hook(item)

    def decode(value: Any, _: Any) -> Any:
        pairs = _object(value).items() if key in (str, Any) else _pairs(value)
        found = {}
        for name, content in pairs:
            try:
                found[decode_key(name, key)] = decode_item(content, item)
            except Exception as error:
                raise ValueError(f"[{name!r}] {explained(error)}") from error
        return found

    return decode


def _pairs(value: Any) -> Sequence[tuple[Any, Any]]:
    if not (isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)):
        raise ValueError(f"a list of pairs is expected, not {value!r}")
    return value


def encode_mapping(kind: Any, converter: Converter) -> Encode:
    """Give a hook that makes an object of a mapping, or a list of pairs where its keys are no strings."""
    key, item = _key_and_item(kind)
    encode_key, encode_item = (
        converter.unstructure if part is Any else converter.get_unstructure_hook(part) for part in (key, item)
    )

    def encode(value: Mapping[Any, Any]) -> Any:
        if key not in (str, Any):
            return [[encode_key(name), encode_item(content)] for name, content in value.items()]
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"JSON cannot hold {name!r} as the name of a value")
        return {name: encode_item(content) for name, content in value.items()}

    return encode


# Sequences.


def is_sequence(kind: Any) -> bool:
    """Whether it is a list or any sequence, or a tuple of any length of one type."""
    origin = get_origin(kind) or kind
    return origin in (list, Sequence) or (origin is tuple and len(get_args(kind)) == 2 and get_args(kind)[1] is ...)


def _items(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list is expected, not {value!r}")
    return value


def decode_sequence(kind: Any, converter: Converter) -> Decode:
    """Give a hook that makes of a list a sequence whose items have one type."""
    item, *_ = get_args(kind) or (Any,)
    decode_item, make = converter.get_structure_hook(item), list if get_origin(kind) is list else tuple

    def decode(value: Any, _: Any) -> Any:
        found: list[Any] = []
        try:
            for content in _items(value):
                found.append(decode_item(content, item))
        except Exception as error:
            raise ValueError(f"[{len(found)}] {explained(error)}") from error
        return make(found)

    return decode


def is_tuple(kind: Any) -> bool:
    """Whether it is a tuple of a certain length, each item of a type of its own."""
    return get_origin(kind) is tuple and not is_sequence(kind)


def decode_tuple(kind: Any, converter: Converter) -> Decode:
    """Give a hook that makes such a tuple of a list."""
    kinds = get_args(kind)
    hooks = [converter.get_structure_hook(item) for item in kinds]

    def decode(value: Any, _: Any) -> Any:
        if len(_items(value)) != len(kinds):
            raise ValueError(f"a list of {len(kinds)} is expected, not {value!r}")
        return tuple(hook(content, item) for hook, content, item in zip(hooks, value, kinds, strict=True))

    return decode


# NumPy's, without importing NumPy before there is an array.


def is_numpy(kind: Any) -> bool:
    """Whether a type is one of NumPy's: an array, or a number."""
    origin = get_origin(kind) or kind
    return hasattr(origin, "tobytes") and hasattr(origin, "dtype")


def to_array(value: Any, kind: Any) -> Any:
    """Make an array of what the codec wrote, in either way."""
    import numpy as np

    annotated = get_args(get_args(kind)[1])[0]
    if isinstance(value, Mapping):
        return np.zeros(value["shape"], annotated)
    if len(value) == 3 and isinstance(value[0], str):
        dtype, shape, data = value
        return np.frombuffer(bytearray(base64.b64decode(data)), np.dtype(dtype)).reshape(shape)
    return np.asarray(value, annotated)
