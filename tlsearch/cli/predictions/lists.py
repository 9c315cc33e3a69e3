"""Lists of images: names in a file or on standard input, one by one, however many they are."""

from __future__ import annotations

import os
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


def asked_images(images: Iterable[Path | str], lists: Iterable[Path]) -> Iterator[Path | str]:
    """The images that are named on the command line, then those in lists; ``-`` is a list on standard input."""
    for image in images:
        if image == STDIN:
            yield from names_in(sys.stdin.buffer)
        else:
            yield image
    for file in lists:
        yield from _names_of_file(file)


def names_in(stream: IO[bytes]) -> Iterator[str]:
    """The names in a list, as they come. They end with zero bytes where one is in its first block, else with lines."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    block = read(_BLOCK).removeprefix(_MARK)
    end = b"\0" if b"\0" in block else b"\n"
    rest = b""
    while block:
        *names, rest = (rest + block).split(end)
        yield from _texts(names, end)
        block = read(_BLOCK)
    yield from _texts([rest], end)


def _names_of_file(file: Path) -> Iterator[str]:
    try:
        with nullcontext(sys.stdin.buffer) if file == STDOUT else file.open("rb") as stream:
            yield from names_in(stream)
    except OSError as error:
        raise UsageError(
            f"--files-from {file} cannot be read ({error.strerror or error}): name a file that lists images."
        ) from error


def _texts(names: Iterable[bytes], end: bytes) -> Iterator[str]:
    for name in names:
        text = os.fsdecode(name if end == b"\0" else name.removesuffix(b"\r"))
        if text:
            yield text
