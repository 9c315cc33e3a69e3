"""Which column of a table names the images, and the sentence where none does or several may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.walk import looks_like_image
from tlsearch.utils.addresses import is_address, without_secrets
from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders.names import words
from tlsearch_plugins.readers.tables.labels import counts_rows
from tlsearch_plugins.readers.tables.parsing import Table
from tlsearch_plugins.readers.tables.records import say_bytes

IMAGE_NAMES = (
    *("file_name", "filename", "file", "image", "image_path", "img_path", "path", "filepath", "file_path", "img"),
    *("image_name", "img_name", "image_file", "image_filename", "image_id", "img_id", "file_id", "imageid", "picture"),
    *("photo", "photo_id", "image_link", "id", "name", "uuid", "key"),
)
"""What columns of images are called, the plainest first."""

_OF_ROWS = frozenset(("id", "name", "uuid", "key"))
"""Those of them that may be the name of a row instead."""

ADDRESSES = "addresses of images"

_ENOUGH = 0.5
_LOOKED_AT = 1000

Finder = Callable[[str], Sequence[Path]]
"""The files that a text of the column of images may mean."""


class NoImagesError(DataError):
    """A table that names no image which is where images were looked for."""


@dataclass(frozen=True, kw_only=True)
class _Able:
    """A column with what makes it likely that it names the images.

    Attributes:
        name: What it is called.
        written: Whether most of its texts are written like names of image files.
        found: How many of its texts mean a file.
    """

    name: str
    written: bool
    found: int

    @property
    def rank(self) -> int:
        """The place of its name among those that columns of images have."""
        return _rank(self.name)

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """What makes it likelier than another, the weightiest first."""
        return self.written, self.called, self.found, -self.rank

    @property
    def called(self) -> bool:
        """Whether it is called like images, and like nothing else."""
        return _normal(self.name) in IMAGE_NAMES and _normal(self.name) not in _OF_ROWS


def image_column(table: Table, given: Mapping[str, str], find: Finder, where: str) -> str:
    """The column that is given, else the likeliest of those of which half of the texts mean an image.

    Names of image files count more than numbers, which can count rows as well, and so does the name of the column.

    Raises ``NoImagesError`` where there is none, and ``DataError`` where two may be meant that name other images.
    """
    step = max(1, table.count // _LOOKED_AT)
    held = {name: [text for text in values[::step] if text] for name, values in table.columns.items()}
    wanted = {given["image"]} if "image" in given else table.columns.keys() - set(given.values())
    held = {name: texts for name, texts in held.items() if texts and name in wanted}
    found = {name: len({text for text in texts if find(text)}) for name, texts in held.items()}
    share = {name: sum(bool(find(text)) for text in texts) / len(texts) for name, texts in held.items()}
    columns = [_Able(name=name, written=_is_written(texts), found=found[name]) for name, texts in held.items()]
    able = [each for each in columns if share[each.name] >= _ENOUGH or (share[each.name] and "image" in given)]
    if any(each.written or each.rank < _UNKNOWN for each in columns if not counts_rows(each.name)):
        able = [each for each in able if each.written or not counts_rows(each.name)]
    if not able:
        raise NoImagesError(_no_images(table, held, found, where))
    return _likeliest(table, able, find)


def _is_written(texts: Sequence[str]) -> bool:
    return 2 * sum(map(looks_like_image, texts)) > len(texts)


def _likeliest(table: Table, able: Sequence[_Able], find: Finder) -> str:
    """The best of the columns that may name the images. Raises ``DataError`` where another one may be meant."""
    able = [column for column in able if column.written or not counts_rows(column.name)] or able
    best = max(able, key=lambda column: column.order)
    rivals = [column for column in able if column is not best and column.written == best.written]
    for other in rivals:
        alike = other.rank == best.rank == _UNKNOWN and 2 * other.found >= best.found
        many = not other.called and best.called and other.found > 2 * best.found
        if (alike or many) and _means_others(table, best.name, other.name, find):
            both = some(sorted((best.name, other.name), key=list(table.columns).index))
            raise DataError(
                f"Several columns of {table.name} can name the images ({both}), and they name different ones: choose "
                "one with --image-column."
            )
    return best.name


def _means_others(table: Table, one: str, other: str, find: Finder) -> bool:
    """Whether two columns name different images in a row."""
    step = max(1, table.count // _LOOKED_AT)
    rows = zip(table.columns[one][::step], table.columns[other][::step], strict=True)
    return any(find(text) and find(beside) and set(find(text)) != set(find(beside)) for text, beside in rows)


def _no_images(table: Table, held: Mapping[str, Sequence[str]], found: Mapping[str, int], where: str) -> str:
    """Where images were looked for in vain, and what to do."""
    if table.of_bytes:
        return say_bytes(table.path, table.of_bytes)
    for name, texts in held.items():
        if 2 * sum(map(is_address, texts)) > len(texts):
            return (
                f"{table.say(name)} of {table.name} holds {ADDRESSES}, such as {without_secrets(texts[0])}, which are "
                "not downloaded: download them into a folder, and name it with --images DIR."
            )
    likely = [
        name for name in held if len(held) == 1 or any(map(looks_like_image, held[name])) or _rank(name) < _UNKNOWN
    ]
    if not likely:
        return (
            f"No column of {table.name} ({some(list(table.columns), 8)}) names images in {where}: say which one does "
            "with --image-column, and where the images are with --images DIR."
        )
    column = max(likely, key=lambda name: (found[name], -_rank(name)))
    missing = next(text for text in held[column] if not found[column] or text)
    none = found[column] == 0
    what = f"None of the images in {table.say(column)}" if none else f"Fewer than half of those in {table.say(column)}"
    more = "" if none else f", or use those that are there with --image-column {column!r}"
    return (
        f"{what} of {table.name}, such as {missing!r}, {'is' if none else 'are'} in {where}: name the folder of images "
        f"with --images DIR{more}."
    )


_UNKNOWN = len(IMAGE_NAMES)


def _rank(name: str) -> int:
    return IMAGE_NAMES.index(_normal(name)) if _normal(name) in IMAGE_NAMES else _UNKNOWN


def _normal(name: str) -> str:
    return "_".join(words(name))
