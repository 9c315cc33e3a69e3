"""The pickle in a file of PyTorch, read as data.

Unpickling calls whatever a file names, so no unpickler is used. ``pickletools`` of the standard library takes a
pickle apart without executing it, and this module acts on the few instructions that a mapping of names to tensors
needs. Everything else is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any


class RefusedError(ValueError):
    """A file that holds more than weights, or is no file of PyTorch; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the file: its ``key``, the type of PyTorch ("FloatStorage") and how many there are."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; ``offset`` and ``strides`` count numbers. What they say is not checked yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """A function or a class by its name; there is nothing behind it."""

    module: str
    name: str


_MARK = object()
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")

_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING")
_NUMBERS = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT")
_VALUES = frozenset((*_TEXTS, *_NUMBERS))
"""Instructions whose argument is a value."""

_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = ("PROTO", "FRAME")


def read_pickle(stream: IO[bytes]) -> Any:
    """Give what the next pickle of a stream describes, and leave the stream behind it.

    Returns:
        Values, lists, tuples and dictionaries of them, and ``Tensor``.

    Raises:
        RefusedError: The pickle holds anything else, or is broken.
    """
    machine = _Machine()
    try:
        for instruction, argument, _ in pickletools.genops(stream):
            if instruction.name == "STOP":
                return machine.pop()
            machine.do(instruction.name, argument)
    except RefusedError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise RefusedError(
            f"its description of the weights is broken ({' '.join(str(error).split())[:100]})"
        ) from error
    raise RefusedError("its description of the weights ends too early")


class _Machine:
    """The stack machine of a pickle, as far as weights need it."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        """Take the topmost value."""
        return self._stack.pop()

    def do(self, name: str, argument: Any) -> None:
        """Act on one instruction."""
        if name in _VALUES:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _TUPLES:
            self._stack[-_TUPLES[name] :] = [tuple(self._stack[-_TUPLES[name] :])]
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[int(argument)] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self._stack.append(self._memo[int(argument)])
        elif (step := getattr(self, f"_{name.lower()}", None)) is not None:
            step(argument)
        elif name not in _IGNORED:
            raise RefusedError(f"it holds the instruction {name}, which weights do not need")

    def _memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _tuple(self, _: object) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _list(self, _: object) -> None:
        self._stack.append(self._since_mark())

    def _dict(self, _: object) -> None:
        values = self._since_mark()
        self._stack.append(_pairs(values))

    def _append(self, _: object) -> None:
        value = self.pop()
        _mutable(self._stack[-1], list).append(value)

    def _appends(self, _: object) -> None:
        values = self._since_mark()
        _mutable(self._stack[-1], list).extend(values)

    def _setitem(self, _: object) -> None:
        value, key = self.pop(), self.pop()
        _mutable(self._stack[-1], dict).update(_pairs([key, value]))

    def _setitems(self, _: object) -> None:
        values = self._since_mark()
        _mutable(self._stack[-1], dict).update(_pairs(values))

    def _global(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self._stack.append(_known(_Name(module, name)))

    def _stack_global(self, _: object) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise RefusedError("it calls what is no function")
        self._stack.append(_known(_Name(module, name)))

    def _binpersid(self, _: object) -> None:
        self._stack.append(_storage(self.pop()))

    def _reduce(self, _: object) -> None:
        arguments, function = self.pop(), self.pop()
        self._stack.append(_call(function, arguments))

    def _build(self, _: object) -> None:
        """State of a dictionary (``_metadata``: versions of layers) is left aside."""
        self.pop()
        _mutable(self._stack[-1], dict)

    def _since_mark(self) -> list[Any]:
        start = next(n for n in range(len(self._stack) - 1, -1, -1) if self._stack[n] is _MARK)
        values = self._stack[start + 1 :]
        del self._stack[start:]
        return values


def _mutable(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise RefusedError(f"it changes a {type(value).__name__} as if it were a {kind.__name__}")
    return value


def _pairs(values: Iterable[Any]) -> dict[Any, Any]:
    """A dictionary of keys and values in turn.

    A key is hashed, which takes a tuple that holds another one twice, and so on, twice as long at every level: a file
    of a kilobyte could take for ever.
    """
    values = list(values)
    if not all(isinstance(key, str | int | float | None) for key in values[::2]):
        raise RefusedError("it has a mapping from other things than names")
    return dict(zip(values[::2], values[1::2], strict=True))


def _known(name: _Name) -> _Name:
    storages = {f"{kind}Storage" for kind in _STORAGES}
    functions = {
        ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
    }
    if (name.module, name.name) not in functions and not (name.module == "torch" and name.name in storages):
        raise RefusedError(f"it asks for {name.module}.{name.name}, which weights do not need")
    return name


def _storage(identity: Any) -> Storage:
    """What ``("storage", type, key, device, count)`` names; the oldest files have the part of another one behind."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage" or any(identity[5:]):
        raise RefusedError("it describes its numbers in an unknown way")
    _, kind, key, _, count = identity[:5]
    is_known = isinstance(kind, _Name) and kind.module == "torch"
    if not is_known or not isinstance(count, int) or not isinstance(key, str | int):
        raise RefusedError("it describes its numbers in an unknown way")
    return Storage(str(key), kind.name, count)


def _call(function: Any, arguments: Any) -> Any:
    """What the few known functions make of their arguments."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise RefusedError("it calls what is no function")
    if function.name == "OrderedDict":
        pairs = arguments[0] if arguments else []
        if len(arguments) > 1 or not isinstance(pairs, list) or not all(len(pair) == 2 for pair in pairs):
            raise RefusedError("it has a mapping of an unknown form")
        return _pairs([part for pair in pairs for part in pair])
    if function.name == "_rebuild_parameter":
        return arguments[0]
    if not function.name.startswith("_rebuild_tensor"):
        raise RefusedError(f"it calls {function.module}.{function.name}")
    storage, offset, shape, strides = arguments[:4]
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise RefusedError("it describes a tensor in an unknown way")
    return Tensor(storage, offset, tuple(shape), tuple(strides))
