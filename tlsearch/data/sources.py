"""Which reader takes a source of images, and what it reads there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tlsearch.errors import DataError, PluginError
from tlsearch.plugins import registry
from tlsearch.plugins.kinds.reader import Reading, ReadingOptions
from tlsearch.utils.cache_folders import sources_dir


def read_source(source: Path | str, options: ReadingOptions | None = None) -> Reading:
    """What the first reader that accepts ``source`` finds there.

    Readers of other packages are asked first, then those of tlsearch; a reader that is ``general`` is asked after all
    others. One that cannot be loaded is left out.

    Raises ``DataError`` where no reader accepts the source or where what it holds cannot serve, ``PluginFailedError``
    where a reader breaks.
    """
    text, complete = str(source), completed(options or ReadingOptions())
    try:
        there = Path(text).exists()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise DataError(f"{text[:80]} cannot be opened ({error}): name a folder of images.") from error
    readers, broken = _readers()
    for reader in readers:
        if reader.accepts(text):
            reading: Reading = reader.read(text, complete)
            return reading
    what = "is a file that no reader takes" if there else "does not exist"
    if broken:
        what += f" ({'; '.join(broken)})"
    raise DataError(
        f"{text} {what}: name a folder that holds one folder of images for each class, or a table of labels."
    )


def completed(options: ReadingOptions) -> ReadingOptions:
    """The same options with a function that reads another source in the same way, and with a folder to keep files."""
    return replace(
        options,
        cache=sources_dir() if options.cache is None else options.cache,
        read=lambda source: read_source(source, options),
    )


def _readers() -> tuple[list[Any], list[str]]:
    """Every reader that can be used, in the order in which they are asked, and what is said of those that cannot."""
    found, broken = [], []
    for entry in registry.find_plugins("reader"):
        try:
            reader = registry.load_guarded("reader", entry.name)
        except PluginError as error:
            broken.append(str(error))
            continue
        found.append((bool(getattr(reader, "general", False)), entry.distribution == "tlsearch", entry.name, reader))
    return [reader for *_, reader in sorted(found, key=lambda item: item[:3])], broken
