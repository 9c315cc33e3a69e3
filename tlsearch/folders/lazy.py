"""The images of a folder one by one, for folders of millions of files: no list of them is made.

What ``walk`` would find comes in the same order. Of the folders that are open at a moment, the names are held, as
bytes: those of a million files in one folder take about 20 MB.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

from tlsearch.folders import walk
from tlsearch.folders.content import type_of_file
from tlsearch.folders.junk import junk_kind
from tlsearch.folders.walk import CIRCLE, DEEPEST, Refused, looks_like_image

_CHUNK = 10_000
_FOLDER = b"/"
_END = b"\0"


def iter_images(root: Path) -> Iterator[Path | Refused]:
    """The files below ``root`` that may be images, in order of their paths.

    They are told by their endings, and those without the ending of an image by their first bytes, so that all come that
    training takes from a class folder. Between them stand the folders that cannot be entered, and the entries named
    like images that are no files. Raises ``OSError`` where ``root`` itself cannot be listed.
    """
    yield from _below(root, (walk.identity(root),))


def count_images(root: Path) -> int:
    """About how many files ``iter_images`` gives, by their endings; folders that cannot be listed count as empty."""
    named = others = inner = 0
    for entry in _entries(root):
        if entry.is_dir(follow_symlinks=False):
            inner += count_images(Path(entry.path))
        elif looks_like_image(entry.name):
            named += 1
        else:
            others += 1
    return inner + (named or others)


def _below(path: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path | Refused]:
    images, others, further = _Names(), _Names(), _Names()
    with os.scandir(path) as listing:
        for entry in listing:
            if junk_kind(entry.name) is not None:
                continue
            if _is_sound_file(entry):
                (images if looks_like_image(entry.name) else others).add(os.fsencode(entry.name))
            else:
                further.add(os.fsencode(entry.name) + _FOLDER)
    for name in merge(images, _by_content(path, others, beside_images=bool(images)), further, key=_without_mark):
        inner = path / os.fsdecode(_without_mark(name))
        if name.endswith(_FOLDER):
            yield from _enter(inner, above)
        else:
            yield inner


def _enter(path: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path | Refused]:
    """What is in a folder, or why what may be one cannot be entered."""
    kind, reason = walk.examine(path)
    if kind == "file":
        if looks_like_image(path.name):
            yield Refused(path, reason, False) if reason else path
        return
    try:
        own = walk.identity(path) if not reason else (0, 0)
        if not reason and own in above:
            reason = CIRCLE
        elif not reason and len(above) > DEEPEST:
            reason = f"it lies more than {DEEPEST} folders deep"
        if not reason:
            yield from _below(path, (*above, own))
    except OSError as error:
        reason = f"it cannot be opened: {walk.os_words(error)}"
    if reason and reason != CIRCLE:
        yield Refused(path, reason, True)


def _by_content(path: Path, names: _Names, *, beside_images: bool) -> Iterator[bytes]:
    """Of files that have no ending of an image, those that are meant as one by their first bytes.

    Beside files that have one, only those that are images: a web page among photographs is not meant as a photograph.
    """
    for name in names:
        kind = type_of_file(path / os.fsdecode(name))
        if kind is not None and (kind.is_image if beside_images else kind.meant_as_image):
            yield name


def _is_sound_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and not walk.has_surrogates(entry.name)
    except OSError:
        return False


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as listing:
            yield from (entry for entry in listing if junk_kind(entry.name) is None)
    except OSError:
        return


def _without_mark(name: bytes) -> bytes:
    return name.removesuffix(_FOLDER)


class _Names:
    """Names in order. They are held as bytes, sorted in chunks that are merged when they are asked for."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._new: list[bytes] = []

    def add(self, name: bytes) -> None:
        self._new.append(name)
        if len(self._new) == _CHUNK:
            self._pack()

    def __bool__(self) -> bool:
        return bool(self._chunks or self._new)

    def __iter__(self) -> Iterator[bytes]:
        self._pack()
        return merge(*map(_unpacked, self._chunks), key=_without_mark)

    def _pack(self) -> None:
        if self._new:
            names: list[bytes] = sorted(self._new, key=_without_mark)
            self._chunks.append(_END.join(names) + _END)
            self._new = []


def _unpacked(chunk: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(chunk):
        end = chunk.index(_END, start)
        yield chunk[start:end]
        start = end + 1
