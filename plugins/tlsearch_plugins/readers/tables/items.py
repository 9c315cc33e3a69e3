"""The rows of tables as items: each image once, and what takes no part counted and named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast, get_args

from tlsearch.errors import DataError
from tlsearch.folders.walk import Skipped, looks_like_image, relative_name
from tlsearch.plugin_api import Item
from tlsearch.plugins.kinds.reader import PartName
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.tables.boxes import find_box_columns
from tlsearch_plugins.readers.tables.columns import Columns, listed, weight_of
from tlsearch_plugins.readers.tables.files import ImageFiles, Starts, said_split
from tlsearch_plugins.readers.tables.labels import is_missing, is_yes, labels_of, separator_of
from tlsearch_plugins.readers.tables.parsing import Table
from tlsearch_plugins.readers.tables.splits import RowPart

MOST_NAMED = 1000
"""As many rows are named for a reason; the others are counted."""

NO_FILE = "the table names it, but there is no such file"
SEVERAL = "several files can be meant"
NO_LABEL = "its row has no label"
UNLABELLED = "it waits for a prediction and has no label"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table, and how it is read.

    Attributes:
        table: Its rows.
        columns: What its columns are.
        starts: The folders that its names may start from.
        starts_by_part: The same for images of each part of a split.
        part: The part of a split that the whole table is.
    """

    table: Table
    columns: Columns
    starts: Starts
    starts_by_part: Mapping[PartName, Starts]
    part: PartName | None = None


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What a row says of an image."""

    file: Path
    labels: frozenset[str]
    place: RowPart
    group: str | None
    weight: float
    box: tuple[str, ...] = ()


@dataclass
class Rows:
    """What became of rows.

    Attributes:
        items: The images, sorted by path.
        skipped: Rows and images that take no part.
        notes: What a person should know, a sentence each.
        named: All files that rows name.
    """

    items: list[Item] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    named: set[Path] = field(default_factory=set)


def read_rows(sources: Sequence[Source], files: ImageFiles, kept: frozenset[Path] | None) -> Rows:
    """The rows of all ``sources``; of the files only those in ``kept`` take part, all where it is None.

    Raises ``DataError`` where a cell of a column that the user has chosen is of no use.
    """
    reader = _Reader(files, kept)
    rows: dict[Path, list[_Row]] = defaultdict(list)
    for source in sources:
        for row in reader.rows(source):
            rows[row.file].append(row)
    return reader.merge(rows)


class _Reader:
    def __init__(self, files: ImageFiles, kept: frozenset[Path] | None) -> None:
        self.files, self.kept = files, kept
        self.found = Rows()
        self.left_out: dict[str, list[str]] = defaultdict(list)
        self.without_name = 0
        self.other_endings: list[str] = []

    def rows(self, source: Source) -> Iterator[_Row]:
        """The rows of one table that name an image that is there."""
        columns = source.table.columns
        labels = _labels(source.table, source.columns)
        said = _places(source), _extras(source), _boxes(source.table)
        cells = zip(columns[source.columns.image], starts_of_rows(source), labels, *said, strict=True)
        for name, start, held, place, (group, weight), box in cells:
            if (file := self._file(name, start)) is None:
                continue
            self.found.named.add(file)
            if self.kept is not None and file not in self.kept:
                continue
            if place.unlabelled:
                self._leave_out(file, UNLABELLED)
            elif not held:
                self._leave_out(file, NO_LABEL)
            else:
                yield _Row(file=file, labels=held, place=place, group=group, weight=weight, box=box)

    def _file(self, name: str, starts: Starts) -> Path | None:
        if not name:
            self.without_name += 1
            return None
        found = self.files.find(name, starts)
        if len(found) == 1:
            if looks_like_image(name) and not name.lower().endswith(found[0].suffix.lower()):
                self.other_endings.append(f"{relative_name(name)} for {self.files.path_of(found[0])}")
            return found[0]
        reason = NO_FILE
        if found:
            self.found.named.update(found)
            reason = f"{SEVERAL}: {listed([self.files.path_of(file) for file in found], 3)}"
        self.left_out[reason].append(relative_name(name))
        return None

    def _leave_out(self, file: Path, reason: str) -> None:
        self.left_out[reason].append(self.files.path_of(file))

    def merge(self, rows: dict[Path, list[_Row]]) -> Rows:
        """Each image once; images of which rows disagree take no part."""
        repeated = 0
        for file, same in rows.items():
            if reason := _conflict(same):
                self._leave_out(file, reason)
                continue
            repeated += len(same) - len({row.box for row in same})
            self.found.items.append(_item(self.files.path_of(file), same[0]))
        self.found.items.sort(key=lambda item: item.path)
        self._say(repeated)
        return self.found

    def _say(self, repeated: int) -> None:
        notes = self.found.notes
        if repeated:
            notes.append(f"the table has an image again in {counted(repeated, 'row')}: it counts once")
        if self.without_name:
            notes.append(f"the table names no image in {counted(self.without_name, 'row')}")
        if self.other_endings:
            others = f"{counted(len(self.other_endings), 'name')} with another ending than the file"
            notes.append(f"the table has {others}, such as {self.other_endings[0]}")
        for reason, names in self.left_out.items():
            unique = sorted(set(names))
            self.found.skipped += [Skipped(name, reason) for name in unique[:MOST_NAMED]]
            if len(unique) > MOST_NAMED:
                self.found.skipped.append(_more(len(unique) - MOST_NAMED, reason))
            if reason == NO_FILE:
                notes.append(f"the table names files that are not there in {counted(len(names), 'row')}")
            elif reason == NO_LABEL:
                notes.append(f"the table has no label in {counted(len(names), 'row')}")
        doubled = {name for reason, names in self.left_out.items() if reason.startswith(SEVERAL) for name in names}
        if doubled:
            fit = "fits" if len(doubled) == 1 else "fit"
            notes.append(
                f"{counted(len(doubled), 'name')} in the table {fit} several files, such as {min(doubled)}: write "
                "names with their folders, or leave out the folders of copies with --exclude FOLDER"
            )


def _more(count: int, reason: str) -> Skipped:
    return Skipped(f"{count:,} more rows", reason, count)


def _item(path: str, row: _Row) -> Item:
    place = row.place
    return Item(
        path=path,
        file=row.file,
        labels=row.labels,
        split=place.part,
        fold=place.fold,
        group=row.group,
        weight=row.weight,
    )


def _conflict(rows: Sequence[_Row]) -> str:
    """Why rows of one image cannot be used; empty where they say the same."""
    if len(labels := Counter(row.labels for row in rows)) > 1:
        return f"its rows give it different labels: {listed(sorted({name for held in labels for name in held}), 4)}"
    if len({row.place for row in rows}) > 1:
        return "its rows put it into different parts of the split"
    return "its rows put it into different groups" if len({row.group for row in rows}) > 1 else ""


def _labels(table: Table, columns: Columns) -> Iterator[frozenset[str]]:
    if len(columns.labels) == 1:
        values = table.columns[columns.labels[0]]
        separator = separator_of(values)
        return (labels_of(value, separator) for value in values)
    rows = zip(*(table.columns[name] for name in columns.labels), strict=True)
    return (frozenset(name for name, cell in zip(columns.labels, row, strict=True) if is_yes(cell)) for row in rows)


def _boxes(table: Table) -> Iterator[tuple[str, ...]]:
    """The cells of each row that say a box; a row for each box of an image is none too many."""
    columns = find_box_columns(list(table.columns))
    if columns is None:
        return iter([()] * table.count)
    return zip(*(table.columns[name] for name in columns.names), strict=True)


def _places(source: Source) -> Iterator[RowPart]:
    """Where each row belongs: as its cell says, else as the table is called."""
    table, column = source.table, source.columns.split
    default = RowPart(part=source.part)
    if column is None:
        return iter([default] * table.count)
    places = source.columns.places
    return (default if places[text] == RowPart() else places[text] for text in table.columns[column])


def starts_of_rows(source: Source) -> Iterator[Starts]:
    """The folders that the name in each row may start from: those of its own part first, where its cell says one.

    ``1.jpg`` of the test is that in the folder ``test``, though there is one in ``train`` too.
    """
    own = source.starts_by_part
    return (source.starts if place.part is None else own[place.part] for place in _places(source))


def without_part(source: Source) -> str:
    """How many rows have an empty cell where others say a part or a fold, in words; empty where none has."""
    column = source.columns.split
    if column is None:
        return ""
    places = source.columns.places
    count = sum(is_missing(cell) and places[cell] == RowPart() for cell in source.table.columns[column])
    return f"for training where {column!r} is empty ({counted(count, 'row')})" if count else ""


def _extras(source: Source) -> Iterator[tuple[str | None, float]]:
    """The group and the weight of each row."""
    table, columns = source.table, source.columns
    groups = table.columns[columns.group] if columns.group is not None else [""] * table.count
    texts = table.columns[columns.weight] if columns.weight is not None else [""] * table.count
    for group, text in zip(groups, texts, strict=True):
        weight = weight_of(text)
        if weight is None:
            raise DataError(
                f"The column {columns.weight!r} of {table.name} holds {text!r}, which is no weight above 0: name "
                "another with --weight-column."
            )
        yield (None if is_missing(group) else group), weight


def split_by_folders(items: Sequence[Item], parts: Mapping[str, PartName]) -> tuple[list[Item], str]:
    """The items with the parts of the folders they lie in, and what was understood; both as before where none says one.

    Images in a folder of test or validation images are not trained on; those in other folders are for training.
    ``parts`` are those of the folders right in that of the images.
    """
    found = [_part_of_folders(item, parts) for item in items]
    held = set(found)
    if held.isdisjoint(("val", "test")) or held <= {"val", "test"}:
        return list(items), ""
    others = found.count(None)
    more = f", other folders for training ({counted(others, 'image')})" if others else ""
    divided = [replace(item, split=part or "train") for item, part in zip(items, found, strict=True)]
    return divided, f"split from the folders{more}"


def _part_of_folders(item: Item, parts: Mapping[str, PartName]) -> PartName | None:
    """The part that the folders of an image say; None where none does, or where its label is called so."""
    folders = item.path.split("/")[:-1]
    labels = {label.casefold() for label in item.labels}
    folders = [name for name in folders if name.casefold() not in labels]
    said = parts.get(folders[0]) if folders else None
    part = said or said_split(folders)
    return cast("PartName", part) if part in get_args(PartName) else None
