"""Where a plugin's code raised: the file and line for a sentence, and the traceback for its author."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import FrameType, TracebackType

ENGINE = frozenset({"tlsearch", "importlib"})
"""The packages whose frames lie between the engine and a plugin. They tell an author nothing."""


def place_of(error: BaseException, module: str) -> str:
    """Say where code of a package raised ``error``, such as ``mynet/layers.py:23, in build``.

    Args:
        error: What was raised.
        module: The name of any module of the package.

    Returns:
        The innermost line of the package, its file from the package's folder on; empty where it has none.
    """
    package = module.partition(".")[0]
    own = [(f, line) for f, line in traceback.walk_tb(error.__traceback__) if _package(f) == package]
    if not own:
        return ""
    frame, line = own[-1]
    file = Path(frame.f_code.co_filename)
    below = len(_module(frame).split(".")) + (file.name == "__init__.py")
    return f"{'/'.join(file.parts[-below:])}:{line}, in {frame.f_code.co_name}"


def trace_of(error: BaseException) -> str:
    """Give the traceback from where the engine's own frames end.

    What the engine itself raised has none, but where it was raised because of another error it is that one's.
    """
    begin = _begin(error)
    if begin is None and isinstance(error, SyntaxError):  # no line of the file has run, and the message names one
        return "".join(traceback.format_exception_only(error))
    if begin is None:
        return trace_of(error.__cause__) if error.__cause__ is not None else ""
    return "".join(traceback.format_exception(type(error), error, begin))


def is_engines(error: BaseException) -> bool:
    """Whether the engine raised it, and no other code below."""
    return _begin(error) is None


def _begin(error: BaseException) -> TracebackType | None:
    """The first frame that is not the engine's."""
    begin = error.__traceback__
    while begin is not None and _package(begin.tb_frame) in ENGINE:
        begin = begin.tb_next
    return begin


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]
