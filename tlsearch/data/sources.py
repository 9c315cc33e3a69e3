"""Which reader takes a source of images, and what it reads there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlsearch.errors import DataError
from tlsearch.plugins import registry
from tlsearch.plugins.kinds.reader import Reading, ReadingOptions


def read_source(source: Path | str, options: ReadingOptions | None = None) -> Reading:
    """What the first reader that accepts ``source`` finds there.

    Readers of other packages are asked first, then those of tlsearch; a reader that is ``general`` is asked after all
    others. Raises ``DataError`` where no reader accepts the source or where what it holds cannot serve,
    ``PluginFailedError`` where a reader breaks.
    """
    text = str(source)
    for reader in _readers():
        if reader.accepts(text):
            reading: Reading = reader.read(text, options or ReadingOptions())
            return reading
    what = "is a file that no reader takes" if Path(text).exists() else "does not exist"
    raise DataError(
        f"{text} {what}: name a folder that holds one folder of images for each class, or a table of labels."
    )


def _readers() -> list[Any]:
    found = []
    for entry in registry.find_plugins("reader"):
        reader = registry.load_guarded("reader", entry.name)
        found.append((bool(getattr(reader, "general", False)), entry.distribution == "tlsearch", entry.name, reader))
    return [reader for *_, reader in sorted(found, key=lambda item: item[:3])]
