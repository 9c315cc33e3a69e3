"""Tables that name images and their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import DataError, UsageError
from tlsearch.folders.walk import Folder
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch.plugins.kinds.reader import PartName
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.example import write_example
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.reader import FolderReader
from tlsearch_plugins.readers.tables.columns import USUAL_NAMES, find_columns, normal, say_columns
from tlsearch_plugins.readers.tables.files import ImageFiles, named_elsewhere
from tlsearch_plugins.readers.tables.folders import choose, holds_table, part_of, tables_in
from tlsearch_plugins.readers.tables.items import NO_FILE, SEVERAL, Rows, Source, read_rows, split_by_folders
from tlsearch_plugins.readers.tables.parsing import SPREADSHEETS, SUFFIXES, Table, read_table
from tlsearch_plugins.readers.tables.place import Place, look_in

_LOOKED_AT = 50


class TableReader:
    """Tables that name images and their labels, and folders of loose images beside such a table."""

    api_version = 1
    name = "tables"

    def accepts(self, source: str) -> bool:
        """Every file with the ending of a table, and folders without class folders that hold a table."""
        path = Path(source)
        if path.is_dir():
            return holds_table(path)
        return path.suffix.lower() in SUFFIXES | SPREADSHEETS

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """The images that the rows name, with what the columns say of them."""
        path = Path(source)
        if path.is_dir():
            if options.layout != "auto" or options.parts:
                return FolderReader().read(source, options)
            return _read(tables_in(path), path, options)
        _require_table(path, options)
        return _read([path], path.parent, options)

    def example(self, folder: Path) -> str:
        """Two labels of four images each."""
        labels = {f"images/{number}.png": ("cat", "dog")[number % 2] for number in range(8)}
        write_example(folder, labels)
        rows = "".join(f"{path},{label}\n" for path, label in labels.items())
        (folder / "labels.csv").write_text(f"file,label\n{rows}", encoding="utf-8")
        return str(folder / "labels.csv")


def _require_table(path: Path, options: ReadingOptions) -> None:
    if not path.is_file():
        raise DataError(f"{path} does not exist: name a table of labels, or a folder of images.")
    if path.suffix.lower() in SPREADSHEETS:
        raise DataError(f"{path} is a spreadsheet: save it as CSV, and name that file.")
    if options.parts or options.layout != "auto":
        given = f"--{next(iter(options.parts))}" if options.parts else "--layout"
        raise UsageError(
            f"{given} is for folders of class folders, and {path} is a table: leave it out, and say the parts of a "
            "split in a column (--split-column)."
        )


def _read(paths: Sequence[Path], base: Path, options: ReadingOptions) -> Reading:
    """Read the tables at ``paths``, whose images lie in ``base`` or in the folder that the user names."""
    tables: dict[Path, Table] = {}
    faults: dict[Path, DataError] = {}
    for path in paths:
        try:
            tables[path] = read_table(path)
        except DataError as error:
            faults[path] = error
    if not tables:
        raise next(iter(faults.values()))
    elsewhere = named_elsewhere((cell for table in tables.values() for cell in _first_cells(table)), paths[0])
    top = _images_folder(options.images, base) if options.images is not None else elsewhere or base
    place = look_in(top, options.exclude)
    sources: dict[Path, Source] = {}
    for path, table in tables.items():
        try:
            sources[path] = _source(table, part_of(path, base), place, options)
        except DataError as error:
            faults[path] = error
    if not sources:
        raise next(iter(faults.values()))
    chosen = choose(list(sources), base)
    unused = [f"{path.name} is not used" for path in paths if path not in chosen]
    return _reading([sources[path] for path in chosen], place, unused, options)


def _first_cells(table: Table) -> Iterator[str]:
    for name, values in table.columns.items():
        yield from (name, *values[:_LOOKED_AT])


def _images_folder(named: str, base: Path) -> Path:
    """The folder that ``--images`` names: from the working directory, or beside the table."""
    for path in (Path(named), base / named):
        if path.is_dir():
            return path
    what = "is a file" if Path(named).exists() else "does not exist"
    raise DataError(f"The folder of --images, {named}, {what}: name the folder that holds the images of the table.")


def _source(table: Table, part: PartName | None, place: Place, options: ReadingOptions) -> Source:
    """A table with the meaning of its columns. Raises ``DataError`` where it is of no use."""
    files = place.files
    starts = files.starts(table.path, part)
    if table.named and any(normal(name) not in USUAL_NAMES and files.find(name, starts) for name in table.columns):
        table = table.without_names()
    columns = find_columns(table, options.columns, lambda text: len(files.find(text, starts)), str(files.root.path))
    return Source(table, columns, starts, part)


def _only_files(source: Source, files: ImageFiles) -> Iterator[Path]:
    """The files that the rows of a table mean without doubt."""
    for name in source.table.columns[source.columns.image]:
        found = files.find(name, source.starts)
        if len(found) == 1:
            yield found[0]


def _reading(sources: Sequence[Source], place: Place, unused: Sequence[str], options: ReadingOptions) -> Reading:
    files = place.files
    if len(sources) == 1:
        sources = [replace(source, part=None) for source in sources]
    if not options.images:
        files.narrow({file for source in sources for file in _only_files(source, files)})
    rows = read_rows(sources, files, place.kept)
    if not rows.items:
        raise DataError(_nothing_left(sources, rows, files))
    parts = {} if any(item.split or item.fold for item in rows.items) else _parts_of_folders(files.root)
    items = split_by_folders(rows.items, parts)
    by_folders = "split from the folders" if items != rows.items else ""
    unnamed, note = place.unnamed(rows.named)
    return Reading(
        root=files.root.path,
        items=tuple(items),
        skipped=tuple(sorted((*rows.skipped, *unnamed), key=lambda entry: entry.path)),
        passed_over=place.passed_over,
        understood=(*(_understood(source, by_folders) for source in sources), *place.excluded),
        notes=(*rows.notes, *note, *unused),
    )


def _understood(source: Source, by_folders: str) -> str:
    """How a table was read, in a line."""
    table = source.table
    parts = [say_columns(table, source.columns), by_folders]
    part = f"{source.part}: " if source.part and source.columns.split is None else ""
    return f"{part}{table.name}: {', '.join(filter(None, parts))} ({counted(table.count, 'row')})"


def _parts_of_folders(root: Folder) -> dict[str, PartName]:
    found = names.parts_of([folder.name for folder in root.image_folders])
    return {name: part for name, part in found.items() if part != "unlabelled"}


def _nothing_left(sources: Sequence[Source], rows: Rows, files: ImageFiles) -> str:
    """Why no row is of use, and what to do."""
    table, columns = sources[0].table, sources[0].columns
    reasons = Counter(entry.reason.partition(":")[0] for entry in rows.skipped)
    if not reasons or (reason := reasons.most_common(1)[0][0]) == NO_FILE:
        return (
            f"No row of {table.name} names an image that is in {files.root.path} (column {columns.image!r}): name the "
            "folder of images with --images DIR, or another column with --image-column."
        )
    if reason == SEVERAL:
        name = rows.skipped[0].path
        return (
            f"The names in column {columns.image!r} of {table.name}, such as {name}, fit several files in "
            f"{files.root.path}: name the folder of images with --images DIR."
        )
    return f"No row of {table.name} can be used ({reason}): name other columns with --image-column and --label-column."
