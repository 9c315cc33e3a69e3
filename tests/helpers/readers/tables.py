"""Tables beside images for the tests of their reader, and what was read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlsearch.plugin_api import Item, Reading, ReadingOptions
from tlsearch_plugins.readers.tables.reader import TableReader

FOUR = {"1.jpg": "cat", "2.jpg": "cat", "3.jpg": "dog", "4.jpg": "dog"}
IMAGES = " ".join(FOUR)
ROWS = "1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n4.jpg,dog\n"
IN_CLASSES = "cat/1.jpg cat/2.jpg dog/3.jpg dog/4.jpg"
OTHERWISE = "file,age\n1.jpg,old\n2.jpg,new\n3.jpg,old\n4.jpg,new\n"


@dataclass(frozen=True)
class Case:
    """A folder with images and a table.

    ``images`` are paths below the folder, with %20 for a space; ``gives`` has for each path of an item its label, with
    ``part:`` or ``fold/`` in front where it has one; ``says`` are words of what was understood, left out or noted.
    """

    table: str | bytes
    gives: Mapping[str, str]
    images: str = IMAGES
    name: str = "labels.csv"
    source: str = ""
    says: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def plant(root: Path, case: Case) -> str:
    """Write the images and the table of a case; gives the source."""
    for image in case.images.split():
        path = root / image.replace("%20", " ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff")
    table = root / case.name
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(case.table if isinstance(case.table, bytes) else case.table.encode())
    return str(root / (case.source or case.name))


def read(source: str, **options: Any) -> Reading:
    reader = TableReader()
    assert reader.accepts(source)
    return reader.read(source, ReadingOptions(**options))


def say(item: Item) -> str:
    label = "+".join(sorted(item.labels))
    if item.split:
        return f"{item.split}:{label}"
    return f"{item.fold}/{label}" if item.fold else label


def told(reading: Reading) -> str:
    return "\n".join(
        [*reading.understood, *reading.notes, *(f"{entry.path}: {entry.reason}" for entry in reading.skipped)]
    )
