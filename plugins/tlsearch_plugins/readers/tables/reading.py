"""From tables to a reading: what each of them is good for, and the images that the chosen ones name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from tlsearch.errors import DataError
from tlsearch.folders.boxes.find import FoundBoxes, find_boxes
from tlsearch.folders.walk import Folder, Skipped
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch.plugins.kinds.reader import PartName
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.boxes import with_boxes
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.tables.boxes import boxes_of_table, merged
from tlsearch_plugins.readers.tables.columns import (
    USUAL_NAMES,
    Columns,
    UnclearLabelError,
    find_columns,
    normal,
    say_columns,
)
from tlsearch_plugins.readers.tables.files import ImageFiles
from tlsearch_plugins.readers.tables.folders import choose, part_of
from tlsearch_plugins.readers.tables.image_columns import Finder
from tlsearch_plugins.readers.tables.items import (
    NO_FILE,
    SEVERAL,
    Rows,
    Source,
    read_rows,
    split_by_folders,
    starts_of_rows,
    without_part,
)
from tlsearch_plugins.readers.tables.parsing import Table, read_table
from tlsearch_plugins.readers.tables.place import Place, look_in, named_elsewhere, outermost


@dataclass(frozen=True)
class Opened:
    """Tables that were opened.

    Attributes:
        base: The folder in which they lie.
        place: Where their images are looked for.
        sources: Those whose columns are understood.
        faults: Why the others are of no use.
    """

    base: Path
    place: Place
    sources: Mapping[Path, Source]
    faults: Mapping[Path, DataError]


def read_tables(paths: Sequence[Path], base: Path, options: ReadingOptions) -> Reading:
    """Read the tables at ``paths``, whose images lie in ``base`` or in the folder that the user names.

    Raises ``DataError`` where none of them is of use, or where several can be meant.
    """
    opened = open_tables(paths, base, options)
    if not opened.sources:
        raise next(iter(opened.faults.values()))
    return read_opened(opened, options)


def read_opened(opened: Opened, options: ReadingOptions) -> Reading:
    """The images that the chosen ones of several tables name. Raises what ``read_tables`` does."""
    chosen = choose(list(opened.sources), opened.base)
    others = sorted({*opened.sources, *opened.faults} - set(chosen))
    unused = [f"{path.relative_to(opened.base)} is not used" for path in others]
    return _reading([opened.sources[path] for path in chosen], opened.place, unused, options)


def open_tables(paths: Sequence[Path], base: Path, options: ReadingOptions) -> Opened:
    """What the tables at ``paths`` are. Raises ``DataError`` where none of them can be opened."""
    tables: dict[Path, Table] = {}
    faults: dict[Path, DataError] = {}
    for path in paths:
        try:
            tables[path] = read_table(path)
        except DataError as error:
            faults[path] = error
    if not tables:
        raise next(iter(faults.values()))
    place = _place_of(tables, base, options)
    sources: dict[Path, Source] = {}
    for path, table in tables.items():
        try:
            sources[path] = source_of(table, part_of(path, base), place, options.columns)
        except DataError as error:
            faults[path] = error
    for path, fault in list(faults.items()):
        if isinstance(fault, UnclearLabelError) and (like := _as_its_like(tables[path], sources, place, base)):
            sources[path] = like
            del faults[path]
    return Opened(base, place, dict(sorted(sources.items())), faults)


def _as_its_like(table: Table, sources: Mapping[Path, Source], place: Place, base: Path) -> Source | None:
    """A table of a part that holds too few labels to tell their column, read as that of another part.

    Both have the same columns, none of which says a split. None where there is no such table, and where one text in all
    rows may stand in the place of labels that are not known.
    """
    part = part_of(table.path, base)
    for source in sources.values():
        columns = source.columns
        if columns.split is not None or not table.named or list(table.columns) != list(source.table.columns):
            continue
        one_text = len(columns.labels) == 1 and len(set(table.columns[columns.labels[0]])) < 2
        if not one_text and None not in (part, source.part) and part != source.part:
            columns = replace(columns, labels=(*columns.labels, *columns.empty), empty=())
            return replace(source, table=table, columns=columns, starts=place.files.starts(table.path, part), part=part)
    return None


def _place_of(tables: Mapping[Path, Table], base: Path, options: ReadingOptions) -> Place:
    """The folder that the user names, else those that the rows name, else that of the table."""
    if options.images is not None:
        return look_in(_images_folder(options.images, base), options.exclude)
    named = outermost(folder for table in tables.values() for folder in named_elsewhere(_cells(table), table.path))
    top = Path(os.path.commonpath(named)) if named else base
    inside = top.is_relative_to(os.path.abspath(base)) or not named  # noqa: PTH100
    return look_in(top, options.exclude, () if inside else named, paths_hold=bool(named))


def _cells(table: Table) -> Iterator[str]:
    for name, values in table.columns.items():
        yield from (name, *values)


def _images_folder(named: str, base: Path) -> Path:
    """The folder that ``--images`` names: from the working directory, or beside the table."""
    for path in (Path(named), base / named):
        if path.is_dir():
            return path
    what = "is a file" if Path(named).exists() else "does not exist"
    raise DataError(f"The folder of --images, {named}, {what}: name the folder that holds the images of the table.")


def source_of(table: Table, part: PartName | None, place: Place, chosen: Mapping[str, str]) -> Source:
    """A table with the meaning of its columns, of which ``chosen`` says some by role.

    Raises ``DataError`` where it is of no use.
    """
    files = place.files
    starts = files.starts(table.path, part)
    if table.named and _begins_with_an_image(table, lambda text: files.find(text, starts)):
        table = table.without_names()
    if table.repeated:
        raise DataError(
            f"{table.name} has several columns called {table.repeated[0]!r}: give each column a name of its own."
        )
    columns = find_columns(table, chosen, lambda text: files.find(text, starts), str(files.root.path))
    once = _names_once(table, columns)
    by_part = {each: files.starts(table.path, each, said=True, once=once) for each in get_args(PartName)}
    return Source(table=table, columns=columns, starts=starts, starts_by_part=by_part, part=part)


def _names_once(table: Table, columns: Columns) -> bool:
    """Whether no name of an image is in rows of two parts."""
    if columns.split is None:
        return False
    rows = zip(table.columns[columns.image], table.columns[columns.split], strict=True)
    pairs = {(name, columns.places[cell].part) for name, cell in rows}
    return len(pairs) == len({name for name, _ in pairs})


def _begins_with_an_image(table: Table, find: Finder) -> bool:
    """Whether what was taken for the names of columns is a row: one of them means an image, and none is usual.

    A label can be called like an image too, as 0 and 1 where each label has a column.
    """
    if any(normal(name) in USUAL_NAMES for name in table.columns):
        return False
    return any(map(find, table.columns))


def _only_files(source: Source, files: ImageFiles) -> Iterator[Path]:
    """The files that the rows of a table mean without doubt."""
    names = source.table.columns[source.columns.image]
    for name, starts in zip(names, starts_of_rows(source), strict=True):
        found = files.find(name, starts)
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
    parts = None if any(item.split or item.fold for item in rows.items) else _parts_of_folders(files.root)
    items, by_folders = split_by_folders(rows.items, parts) if parts is not None else (rows.items, "")
    unnamed, note = place.unnamed(rows.named)
    boxes = merged([boxes_of_source(source, files) for source in sources])
    if not boxes.boxes:
        boxes = find_boxes([files.top], [item.file for item in items])
    damaged = (Skipped(files.path_of(file), reason) for file, reason in boxes.damaged.items())
    return Reading(
        root=files.root.path,
        items=tuple(with_boxes(items, boxes)),
        skipped=tuple(sorted((*rows.skipped, *unnamed, *damaged), key=lambda entry: entry.path)),
        passed_over=place.passed_over,
        understood=(*(_understood(source, by_folders) for source in sources), *boxes.understood, *place.excluded),
        notes=(
            *(*rows.notes, *note, *boxes.notes),
            *(note for source in sources for note in (*_remark_encoding(source.table), *source.columns.notes)),
            *unused,
        ),
    )


def boxes_of_source(source: Source, files: ImageFiles) -> FoundBoxes:
    """The boxes that the columns of a table say."""
    labels = source.columns.labels
    label = labels[0] if len(labels) == 1 else None
    return boxes_of_table(source.table, source.columns.image, label, files, starts_of_rows(source))


def _understood(source: Source, by_folders: str) -> str:
    """How a table was read, in a line."""
    table = source.table
    parts = [say_columns(table, source.columns), by_folders, without_part(source)]
    part = f"{source.part}: " if source.part and source.columns.split is None else ""
    return f"{part}{table.name}: {', '.join(filter(None, parts))} ({counted(table.count, 'row')})"


def _remark_encoding(table: Table) -> Iterator[str]:
    """A note where letters may be wrong."""
    if table.guessed:
        yield (
            f"{table.name} is not in UTF-8 and is read as Windows-1252, with texts such as {table.guessed!r}: if these "
            "letters are wrong, save it in UTF-8"
        )


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
            f"{files.root.path}: write the names with their folders, name the folder of images with --images DIR, or "
            "leave out the folders of copies with --exclude FOLDER."
        )
    return f"No row of {table.name} can be used ({reason}): name other columns with --image-column and --label-column."
