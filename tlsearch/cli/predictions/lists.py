"""Lists of images: names in a file or on standard input, one by one, however many they are."""

from __future__ import annotations

import codecs
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from tlsearch.cli.options import STDOUT
from tlsearch.errors import UsageError

STDIN = "-"
"""Stands for the list on standard input."""

_BLOCK = 1 << 16
_MARK = b"\xef\xbb\xbf"  # with which some programs begin a text
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEGINNINGS = tuple(mark[:1] for mark in _WIDE_MARKS)


def asked_images(images: Iterable[Path | str], lists: Iterable[Path]) -> Iterator[Path | str]:
    """The images that are named on the command line, then those in lists; ``-`` is a list on standard input."""
    for image in images:
        if image == STDIN:
            yield from names_in(_standard_input())
        else:
            yield image
    for file in lists:
        yield from _names_of_file(file)


def require_lists(lists: Iterable[Path]) -> None:
    """Raise ``UsageError`` for a list that cannot be read, before any work; none is opened, as it may be a pipe."""
    for file in lists:
        if file == STDOUT:
            continue
        try:
            is_folder = stat.S_ISDIR(file.stat().st_mode)
        except OSError as error:
            raise _unreadable(file, error.strerror or str(error)) from error
        if is_folder or not os.access(file, os.R_OK):
            raise _unreadable(file, os.strerror(errno.EISDIR if is_folder else errno.EACCES))


def names_in(stream: IO[bytes]) -> Iterator[str]:
    """The names in a list, as they come.

    They end with zero bytes where one is in the first block in which a name ends, else with lines. A list in UTF-16, as
    PowerShell writes it, begins with its mark and has lines.
    """
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    block = read(_BLOCK)
    if block in _BEGINNINGS:
        block += read(_BLOCK)
    if block.startswith(_WIDE_MARKS):
        read = _in_utf8(block, read)
        block = read(_BLOCK)
    while block and len(block) < len(_MARK) and _MARK.startswith(block) and (more := read(_BLOCK)):
        block += more
    block = block.removeprefix(_MARK)
    # A pipe gives what there is, which may be less than the first name.
    while block and b"\0" not in block and b"\n" not in block and (more := read(_BLOCK)):
        block += more
    end = b"\0" if b"\0" in block else b"\n"
    rest = b""
    while block:
        *names, rest = (rest + block).split(end)
        yield from _texts(names, end)
        block = read(_BLOCK)
    yield from _texts([rest], end)


def _in_utf8(first: bytes, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """What reads UTF-16 as UTF-8, ``first`` and what comes behind it."""
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    waiting = [first]

    def decoded(size: int) -> bytes:
        while block := waiting.pop() if waiting else read(size):
            if text := decoder.decode(block):  # nothing yet of half a letter
                return text.encode()
        return decoder.decode(b"", final=True).encode()

    return decoded


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:  # where it was closed, as by <&-
        raise UsageError("Standard input is closed: name images, or a file that lists them with --files-from.")
    return sys.stdin.buffer


def _names_of_file(file: Path) -> Iterator[str]:
    try:
        with nullcontext(_standard_input()) if file == STDOUT else file.open("rb") as stream:
            yield from names_in(stream)
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error


def _unreadable(file: Path, why: str) -> UsageError:
    return UsageError(f"--files-from {file} cannot be read ({why}): name a file that lists images.")


def _texts(names: Iterable[bytes], end: bytes) -> Iterator[str]:
    for name in names:
        text = os.fsdecode(name if end == b"\0" else name.removesuffix(b"\r"))
        if text:
            yield text
