"""Tables that name images and their labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tlsearch.errors import DataError, UsageError
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch_plugins.readers.example import write_example
from tlsearch_plugins.readers.folders.inspect import enter
from tlsearch_plugins.readers.folders.lists import lists_beside
from tlsearch_plugins.readers.folders.pruned import pruned_walk
from tlsearch_plugins.readers.folders.reader import FolderReader
from tlsearch_plugins.readers.tables.beside import note_unused, read_beside
from tlsearch_plugins.readers.tables.folders import in_class_folders, table_levels, tables_in
from tlsearch_plugins.readers.tables.image_columns import NoImagesError
from tlsearch_plugins.readers.tables.parsing import SPREADSHEETS, SUFFIXES, WHOLE_JSON
from tlsearch_plugins.readers.tables.reading import read_tables


class TableReader:
    """Tables that name images and their labels, and folders of images with such a table."""

    api_version = 1
    name = "tables"

    def accepts(self, source: str) -> bool:
        """Every file with the ending of a table, and folders that hold a table."""
        path = Path(source)
        if path.is_dir():
            return bool(tables_in(path))
        return path.suffix.lower() in {*SUFFIXES, *SPREADSHEETS, WHOLE_JSON}

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """The images that the rows name, with what the columns say of them."""
        path = Path(source)
        if path.is_dir():
            return _read_folder(path, options)
        _require_table(path, options)
        return read_tables([path], path.parent, options)

    def example(self, folder: Path) -> str:
        """Two labels of four images each."""
        labels = {f"images/{number}.png": ("cat", "dog")[number % 2] for number in range(8)}
        write_example(folder, labels)
        rows = "".join(f"{path},{label}\n" for path, label in labels.items())
        (folder / "labels.csv").write_text(f"file,label\n{rows}", encoding="utf-8")
        return str(folder / "labels.csv")


def _read_folder(path: Path, options: ReadingOptions) -> Reading:
    """A folder that holds a table: by the table, by its folders, or, where both say labels, as they agree."""
    tables = tables_in(path, options.exclude)
    if not tables or options.layout != "auto" or options.parts:
        return note_unused(FolderReader().read(str(path), options), tables)
    means_table = bool(options.columns) or options.images is not None
    root = pruned_walk(path, options.exclude)[0].root
    if not means_table and in_class_folders(root):
        return read_beside(tables, path, options)
    reading = _read_levels(path, options)
    inner, entered = enter(root)
    return replace(reading, notes=(*reading.notes, *lists_beside([root, *entered, inner])))


def _read_levels(path: Path, options: ReadingOptions) -> Reading:
    """The tables that name images: those of the folder, or, where none of them does, those further in.

    A list of classes may lie above the tables of ``train`` and ``test``.
    """
    first: NoImagesError | None = None
    for tables in table_levels(path, options.exclude):
        try:
            return read_tables(tables, path, options)
        except NoImagesError as error:
            first = first or error
    assert first is not None, "there are tables"
    raise first


def _require_table(path: Path, options: ReadingOptions) -> None:
    if not path.is_file():
        raise DataError(f"{path} does not exist: name a table of labels, or a folder of images.")
    if path.suffix.lower() in SPREADSHEETS:
        raise DataError(f"{path} is a spreadsheet: save it as CSV, and name that file.")
    if path.suffix.lower() == WHOLE_JSON:
        raise DataError(
            f"{path} is JSON of one piece: write an object a line for each image and call the file .jsonl, or save a "
            "table of images and labels as CSV."
        )
    if options.parts or options.layout != "auto":
        given = f"--{next(iter(options.parts))}" if options.parts else "--layout"
        raise UsageError(
            f"{given} is for folders of class folders, and {path} is a table: leave it out, and say the parts of a "
            "split in a column (--split-column)."
        )
