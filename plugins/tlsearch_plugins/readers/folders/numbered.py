"""Classes whose names number what was collected: cameras, days and patients are classes of nothing that can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.layout import Layout

_DATE = re.compile(r"(19|20)\d\d([-_. ]?)(0[1-9]|1[0-2])(\2(0[1-9]|[12]\d|3[01]))?")
_CAMERA = re.compile(r"[1-9]\d\d[0-9A-Z_]{5}")
"""How cameras call the folders on their cards: ``100APPLE``, ``101_PANA``."""


def remark_numbered(layout: Layout) -> Iterator[str]:
    """A sentence where all classes are called like numbers of something; nothing otherwise."""
    called = sorted({found.name for found in layout.classes})
    if len(called) >= 2 and all(map(_is_numbered, called)):
        yield (
            f"{some(called, 3)} are read as classes, and their names are like those of cameras, days or patients: if "
            "they are no classes, put the images of each class into a folder of its own, or give a table of labels"
        )


def _is_numbered(name: str) -> bool:
    return names.is_piece(name) or bool(_DATE.fullmatch(name) or (_CAMERA.fullmatch(name) and not name.isdigit()))
