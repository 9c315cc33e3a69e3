"""Tables beside folders that may be classes: which of the two says the labels.

Where both say the same the folders are read. Where a table gives the images other labels than their folders do, neither
is taken without a word: the table is read where the folders cannot be classes, and both readings are shown otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.boxes.find import FoundBoxes
from tlsearch.plugin_api import Item, Reading, ReadingOptions
from tlsearch.utils.texts import some
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.boxes import with_boxes
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.reader import FolderReader
from tlsearch_plugins.readers.tables.boxes import boxes_of_table, merged
from tlsearch_plugins.readers.tables.columns import Columns, UnclearLabelError
from tlsearch_plugins.readers.tables.folders import part_of
from tlsearch_plugins.readers.tables.image_columns import image_column
from tlsearch_plugins.readers.tables.items import Source, read_rows
from tlsearch_plugins.readers.tables.labels import LABEL_NAMES
from tlsearch_plugins.readers.tables.parsing import read_table
from tlsearch_plugins.readers.tables.reading import Opened, boxes_of_source, open_tables, read_opened, source_of
from tlsearch_plugins.readers.tables.split_columns import NONE, UnclearSplitError


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What a column of a table says of the images, against what their folders say.

    Attributes:
        source: The table, with that column as the label.
        sure: Whether it is the only column that can be the label.
        agrees: Whether each of its labels is that of one folder, and each folder has one of its labels. A label that is
            called like a folder must be that of this folder.
        labels: Its labels.
        named: The images in the folders of which it says a label.
        unclear: A column of it that may say a split and is not understood.
    """

    source: Source
    sure: bool
    agrees: bool
    labels: tuple[str, ...]
    named: frozenset[Path] = frozenset()
    unclear: str | None = None


def read_beside(tables: Sequence[Path], root: Path, options: ReadingOptions) -> Reading:
    """The images in ``root``, which holds both ``tables`` and folders that may be classes.

    Raises ``DataError`` where the table and the folders say different things, and what the folders raise where no table
    helps.
    """
    try:
        opened = open_tables(tables, root, options)
    except DataError:
        return note_unused(FolderReader().read(str(root), options), tables)
    try:
        reading = FolderReader().read(str(root), options)
    except DataError:
        if (by_table := _instead(opened, options)) is None:
            raise
        return by_table
    claims = [claim for path in tables for claim in _claims(opened, path, reading)]
    agreeing = [claim for claim in claims if claim.agrees]
    if contested := _contested(claims, agreeing, reading):
        raise _ask(root, contested, reading)
    if claims and not agreeing:
        if all(claim.sure for claim in claims) and _are_pieces(reading, root):
            return read_opened(opened, options)
        raise _ask(root, claims, reading)
    if len(agreeing) == len(claims) and (divided := _divided_by_tables(opened, reading, options)) is not None:
        return divided
    unused = {claim.source.table.path: _unused(claim, reading) for claim in agreeing}
    reading, boxed = _with_boxes(reading, opened)
    reading = note_unused(reading, [path for path in tables if path not in unused and path not in boxed])
    plain = tuple(f"{path.name} says the same labels as the folders" for path, note in unused.items() if not note)
    notes = (*filter(None, unused.values()), *_remark_unnamed(agreeing, reading))
    return replace(reading, understood=(*reading.understood, *plain), notes=(*reading.notes, *notes))


def _contested(claims: Sequence[_Claim], agreeing: Sequence[_Claim], reading: Reading) -> list[_Claim]:
    """The claims of tables that say other labels than the folders, where another table says those of the folders.

    They speak of the same classes; a table of something else, such as the weather, is no question.
    """
    known = {label for item in reading.items for label in item.labels}
    known.update(label for claim in agreeing for label in claim.labels)
    tables = {claim.source.table.path for claim in agreeing}
    others = [claim for claim in claims if claim.sure and claim.source.table.path not in tables]
    return [claim for claim in others if agreeing and known.intersection(claim.labels)]


def _with_boxes(reading: Reading, opened: Opened) -> tuple[Reading, frozenset[Path]]:
    """The reading of folders with the boxes that tables say, and these tables; what files say of boxes comes first."""
    if any(item.boxes for item in reading.items):
        return reading, frozenset()
    found: dict[Path, FoundBoxes] = {}
    for path in sorted({*opened.sources, *opened.faults}):
        try:
            boxes = _boxes_of(path, opened)
        except DataError:
            continue
        if boxes.boxes:
            found[path] = boxes
    boxes = merged(list(found.values()))
    items = tuple(with_boxes(reading.items, boxes))
    with_them = replace(
        reading,
        items=items,
        understood=(*reading.understood, *boxes.understood),
        notes=(*reading.notes, *boxes.notes),
    )
    return with_them, frozenset(found)


def _boxes_of(path: Path, opened: Opened) -> FoundBoxes:
    """The boxes in a table whose label need not be understood. Raises ``DataError`` where it names no images."""
    files = opened.place.files
    if (source := opened.sources.get(path)) is not None:
        return boxes_of_source(source, files)
    table, starts = read_table(path), files.starts(path, part_of(path, opened.base))
    image = image_column(table, {}, lambda text: files.find(text, starts), str(files.root.path))
    by_name = {"_".join(names.words(name)): name for name in table.columns if name != image}
    label = next((by_name[name] for name in LABEL_NAMES if name in by_name), None)
    return boxes_of_table(table, image, label, files, [starts] * table.count)


def _divided_by_tables(opened: Opened, folders: Reading, options: ReadingOptions) -> Reading | None:
    """The images with the labels of their folders and the parts that tables are called after; None without such.

    The tables are ``train.csv`` and ``test.csv``, each with the images of its part. Those of the test may lie in no
    class folders, where the class folders are those of training.
    """
    sources = {path: source for path, source in opened.sources.items() if source.part is not None}
    parts = {source.part for source in sources.values()}
    known = {item.split for item in folders.items}
    if len(known) > 1 or any(item.fold for item in folders.items) or known - {None, "train"}:
        return None
    if "train" not in parts or len(parts) < max(2, len(sources)):
        return None
    by_table = read_opened(replace(opened, sources=sources, faults={}), options)
    labels = {item.file: item.labels for item in folders.items}
    called = {item.labels: labels[item.file] for item in by_table.items if item.file in labels}
    items = tuple(replace(item, labels=called.get(item.labels, item.labels)) for item in by_table.items)
    reading = replace(
        by_table, items=items, understood=(*by_table.understood, "the names of the folders are the labels")
    )
    return note_unused(reading, sorted({*opened.sources, *opened.faults} - set(sources)))


def _is_divided(reading: Reading) -> bool:
    return any(item.split or item.fold for item in reading.items)


def _instead(opened: Opened, options: ReadingOptions) -> Reading | None:
    """The reading of the tables where the folders have none; none where it would train on what is called test."""
    try:
        reading = read_opened(opened, options) if opened.sources else None
    except DataError:
        return None
    return None if reading is None or any(map(_is_for_testing, reading.items)) else reading


def _is_for_testing(item: Item) -> bool:
    """Whether an image that is trained on lies in a folder that is called like one of test or validation images."""
    folders = item.path.split("/")[:-1]
    return item.split in (None, "train") and any(
        names.part_and_rest(name) in (("test", ()), ("val", ())) for name in folders
    )


def _claims(opened: Opened, path: Path, folders: Reading) -> Iterator[_Claim]:
    """What each column of the table at ``path`` that can be the label says; nothing where it says nothing of images."""
    source, fault = opened.sources.get(path), opened.faults.get(path)
    unclear = fault.column if isinstance(fault, UnclearSplitError) else None
    if unclear is not None:  # the labels can be compared nevertheless
        try:
            source = _source(opened, path, {"split": NONE})
        except DataError as error:
            fault = error
    if source is not None:
        if (claim := _claim(opened, source, folders)) is not None:
            yield replace(claim, unclear=unclear)
    elif isinstance(fault, UnclearLabelError):
        for name in fault.able:
            source = _source(opened, path, {"split": NONE, "label": name})
            if (claim := _claim(opened, source, folders)) is not None:
                yield replace(claim, sure=False, unclear=unclear)


def _source(opened: Opened, path: Path, chosen: Mapping[str, str]) -> Source:
    return source_of(read_table(path), part_of(path, opened.base), opened.place, chosen)


def _claim(opened: Opened, source: Source, folders: Reading) -> _Claim | None:
    """What the labels of a table say; None where fewer than two of them are of images in the folders."""
    try:
        rows = read_rows([source], opened.place.files, opened.place.kept)
    except DataError:
        return None
    by_folder = {item.file: item.labels for item in folders.items}
    named = [item for item in rows.items if item.file in by_folder]
    pairs = {(item.labels, by_folder[item.file]) for item in named}
    ours, theirs = {one for one, _ in pairs}, {other for _, other in pairs}
    if len(ours) < 2:
        return None
    agrees = len(pairs) == len(ours) == len(theirs) and not any(_are_exchanged(pair, theirs) for pair in pairs)
    labels = sorted({" and ".join(sorted(held)) for held in ours})
    return _Claim(
        source=source, sure=True, agrees=agrees, labels=tuple(labels), named=frozenset(item.file for item in named)
    )


def _are_exchanged(pair: tuple[frozenset[str], frozenset[str]], folders: Set[frozenset[str]]) -> bool:
    """Whether the label in a table is called like another folder than that of its images."""
    label, folder = pair
    return label != folder and label in folders


def _are_pieces(reading: Reading, root: Path) -> bool:
    """Whether folders are pieces of what was collected, as those in ``patients`` are: they cannot be classes."""
    entered = reading.root.name if reading.root != root else ""
    labels = {label for item in reading.items for label in item.labels}
    if any(names.is_piece(f"{word.removesuffix('s')} 1") for word in names.words(entered)):
        return True
    return sum(map(names.is_piece, labels)) >= 2


def _ask(root: Path, claims: Sequence[_Claim], reading: Reading) -> DataError:
    """The sentence that shows both readings."""
    first = claims[0]
    table, columns = first.source.table, first.source.columns
    same = [claim for claim in claims if claim.source.table.path == table.path]
    if len(same) > 1:
        able = [claim.source.columns.labels[0] for claim in same]
        by_table = f"the table {table.name} says the labels (--label-column with one of {some(able)})"
    else:
        by_table = f"the table {table.name} says the labels, {some(first.labels)} ({_option(columns)})"
    folders = sorted({label for item in reading.items for label in item.labels})
    exclude = " ".join(f"--exclude {path.name!r}" for path in {claim.source.table.path: 0 for claim in claims})
    return DataError(
        f"{root} can be read in two ways: {by_table}, or the names of the folders do, {some(folders, 4)} ({exclude})."
    )


def _option(columns: Columns) -> str:
    """The option that lets the table say the labels."""
    if len(columns.labels) == 1:
        return f"--label-column {columns.labels[0]!r}"
    return f"--image-column {columns.image!r}"


def _unused(claim: _Claim, reading: Reading) -> str:
    """What of a table that agrees with the folders is not used, in a sentence; empty where it says nothing more."""
    table, columns = claim.source.table, claim.source.columns
    if not claim.sure:
        return (
            f"{table.name} is not used: its column {table.say(columns.labels[0])} says what the folders say; to learn "
            f"another one, name it with --label-column"
        )
    split = None if _is_divided(reading) else claim.unclear or columns.split
    more: Mapping[str, str | None] = {"split": split, "group": columns.group, "weight": columns.weight}
    lost = [f"{role} ({table.say(name)})" for role, name in more.items() if name is not None]
    if not lost:
        return ""
    return (
        f"{table.name} is not used, as its labels are those of the folders; to use its {' and '.join(lost)} too, "
        f"say {_option(columns)}"
    )


def _remark_unnamed(claims: Sequence[_Claim], reading: Reading) -> Iterator[str]:
    """A note where tables that agree with the folders say the labels of some images only, in the parts of theirs."""
    named = frozenset[Path]().union(*(claim.named for claim in claims))
    parts = {item.split for item in reading.items if item.file in named}
    count = sum(item.split in parts for item in reading.items)
    if 0 < len(named) < count:
        tables = list(dict.fromkeys(claim.source.table.name for claim in claims))
        yield (
            f"{some(tables)} {'says' if len(tables) == 1 else 'say'} the labels of {len(named):,} of "
            f"{counted(count, 'image')}, and all of them are used: to use only those, say "
            f"{_option(claims[0].source.columns)}"
        )


def note_unused(reading: Reading, unused: Sequence[Path]) -> Reading:
    """The reading of folders, with a note for each table that is not used."""
    notes = [f"{path.name} is not used: the names of the folders say the labels" for path in unused]
    return replace(reading, notes=(*reading.notes, *notes))
