"""One codec: records to plain JSON values and back, by their annotations.

Every file and message of tlsearch that holds records goes through it. Nothing in what is read is run, and no class is
found by its name: what a value becomes is decided by the annotation it is read for. cattrs does the work.
"""

from __future__ import annotations

import base64
import math
from functools import cached_property
from pathlib import PurePath
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tlsearch.utils import json_hooks as hooks

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

Arrays = Literal["lists", "bytes"]
"""How arrays are written: as lists of numbers, for people and other programs, or as their bytes in base64."""


class Codec:
    """Turns values into what JSON can hold, and back.

    Dataclasses become objects; keys that the dataclass does not know are ignored on the way back, so that an older
    program reads a newer file of the same schema. Tuples and lists become lists, paths and enums what they stand for.
    A mapping becomes an object where its keys are strings, else a list of pairs. A member of a union of dataclasses
    says under the key ``type`` which of them it is; no other class can be named. Values of fields that are annotated
    with ``Any`` must be plain, or become plain.
    """

    def __init__(self, *, arrays: Arrays = "lists", finite: bool = False) -> None:
        """Choose how values are written.

        Args:
            arrays: How NumPy's arrays are written. As bytes their data type and shape come back as they were; as lists
                the data type is that of the annotation.
            finite: Whether a number that is not finite becomes None, because strict JSON has no word for it. Python's
                own reader and writer of JSON know such numbers.
        """
        self._arrays, self._finite = arrays, finite

    def encode(self, value: object, kind: Any = None) -> Any:
        """Give ``value`` as dict, list, str, int, float, bool or None.

        Args:
            value: A record, or anything that a record can hold.
            kind: The type that it will be decoded as, where that is not its class: a union of records, or a mapping
                whose keys are not strings.

        Raises:
            TypeError: ``value`` holds something that has no form in JSON.
        """
        return self._converter.unstructure(value, unstructure_as=kind)

    @overload
    def decode(self, kind: type[T], plain: Any) -> T: ...

    @overload
    def decode(self, kind: Any, plain: Any) -> Any: ...

    def decode(self, kind: Any, plain: Any) -> Any:
        """Give the value of type ``kind``, as in an annotation, that ``encode`` turned into ``plain``.

        Raises:
            ValueError: ``plain`` has another shape; the message names the field.
        """
        try:
            return self._converter.structure(plain, kind)
        except Exception as error:  # cattrs raises groups of whatever the fields of a record raise
            raise ValueError(hooks.explained(error)) from error

    @cached_property
    def _converter(self) -> Converter:
        from cattrs import Converter

        converter = Converter(unstructure_fallback_factory=hooks.refused, unstruct_collection_overrides={tuple: list})
        for kind in (int, bool, str, NoneType):
            converter.register_structure_hook(kind, hooks.exactly(kind))
            converter.register_unstructure_hook(kind, hooks.plain)
        converter.register_structure_hook(float, hooks.to_float)
        converter.register_unstructure_hook(float, self._number)
        converter.register_unstructure_hook(PurePath, str)
        for other in (bytes, set, frozenset):
            converter.register_unstructure_hook(other, hooks.refused(other))
        converter.register_structure_hook_factory(hooks.is_literal, hooks.decode_literal)
        converter.register_unstructure_hook_factory(hooks.is_literal, lambda _: hooks.plain)
        converter.register_structure_hook_factory(hooks.is_record, hooks.decode_record)
        converter.register_unstructure_hook_factory(hooks.is_record, hooks.encode_record)
        converter.register_structure_hook_factory(hooks.is_records, hooks.decode_records)
        converter.register_unstructure_hook_factory(hooks.is_records, hooks.encode_records)
        converter.register_structure_hook_factory(hooks.is_mapping, hooks.decode_mapping)
        converter.register_unstructure_hook_factory(hooks.is_mapping, hooks.encode_mapping)
        converter.register_structure_hook_factory(hooks.is_sequence, hooks.decode_sequence)
        converter.register_structure_hook_factory(hooks.is_tuple, hooks.decode_tuple)
        converter.register_structure_hook_func(hooks.is_numpy, hooks.to_array)
        converter.register_unstructure_hook_func(hooks.is_numpy, self._of_numpy)
        return converter

    def _number(self, value: Any) -> Any:
        number = hooks.plain(value)
        if self._finite and isinstance(number, float) and not math.isfinite(number):
            return None
        return number

    def _of_numpy(self, value: Any) -> Any:
        """An array, or a single number of NumPy's."""
        if value.dtype.hasobject:
            raise TypeError("JSON cannot hold an array of objects")
        if not value.shape:
            return self._number(value)
        if self._arrays == "bytes":
            return [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode("ascii")]
        if not value.size and value.ndim > 1:
            return {"shape": list(value.shape)}  # which a list without numbers does not tell
        return self._numbers(value.tolist())

    def _numbers(self, values: Any) -> Any:
        if not self._finite:
            return values
        return [self._numbers(item) for item in values] if isinstance(values, list) else self._number(values)


FILE = Codec()
"""For files that only tlsearch reads: what is not finite stays, as Python's reader of JSON knows it."""

STRICT = Codec(finite=True)
"""For files that any program may read: strict JSON."""

MESSAGE = Codec(arrays="bytes")
"""For messages between tlsearch's own processes."""
