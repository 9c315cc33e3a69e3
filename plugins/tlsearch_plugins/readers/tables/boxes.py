"""Columns of a table that say a box around the thing in an image, a row for each box."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsearch.folders.boxes.box import AnnotatedBox, DamagedBoxesError, checked
from tlsearch.folders.boxes.find import FoundBoxes
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders.names import words
from tlsearch_plugins.readers.tables.files import ImageFiles, Starts
from tlsearch_plugins.readers.tables.labels import is_missing
from tlsearch_plugins.readers.tables.parsing import Table

_EDGES = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x_1", "y_1", "x_2", "y_2"),
    ("x_0", "y_0", "x_1", "y_1"),
    ("left", "top", "right", "bottom"),
    ("box_xmin", "box_ymin", "box_xmax", "box_ymax"),
    ("bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"),
    ("bbox_x_1", "bbox_y_1", "bbox_x_2", "bbox_y_2"),
    ("roi_x_1", "roi_y_1", "roi_x_2", "roi_y_2"),
)
"""What columns of the left, upper, right and lower edge are called."""

_CORNERS = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
    ("bbox_left", "bbox_top", "bbox_width", "bbox_height"),
    ("box_x", "box_y", "box_w", "box_h"),
    ("box_x", "box_y", "box_width", "box_height"),
)
"""What columns of the upper left corner, the width and the height are called."""

_SIZES = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"))
"""What columns of the size of the image are called, where they are not those of the box."""


@dataclass(frozen=True)
class BoxColumns:
    """The columns of a table that say a box.

    Attributes:
        names: Those of four values.
        edges: Whether they are the left, upper, right and lower edge, rather than a corner, the width and the height.
        size: Those of the width and the height of the image.
    """

    names: tuple[str, str, str, str]
    edges: bool
    size: tuple[str, str] | None = None


def find_box_columns(columns: Sequence[str]) -> BoxColumns | None:
    """Give those of the columns that say a box by their names; None where they say none."""
    by_name = {"_".join(words(name)): name for name in columns}
    for usual, edges in ((_EDGES, True), (_CORNERS, False)):
        for group in usual:
            if all(name in by_name for name in group):
                a, b, c, d = (by_name[name] for name in group)
                able = [pair for pair in _SIZES if all(name in by_name and name not in group for name in pair)]
                size = (by_name[able[0][0]], by_name[able[0][1]]) if able else None
                return BoxColumns((a, b, c, d), edges, size)
    return None


def boxes_of_table(
    table: Table, image: str, label: str | None, files: ImageFiles, starts: Iterable[Starts]
) -> FoundBoxes:
    """Give the boxes that the rows of a table say of the images that they name; none where no columns say boxes.

    Args:
        table: The table.
        image: The column that names images.
        label: The column that says what is in a box; None where there is none.
        files: The images.
        starts: The folders that the name in each row may start from.
    """
    columns = find_box_columns([name for name in table.columns if name not in (image, label)])
    if columns is None:
        return FoundBoxes()
    boxes: dict[Path, list[AnnotatedBox]] = defaultdict(list)
    faults: list[tuple[str, str]] = []
    labels = table.columns[label] if label is not None else [""] * table.count
    edges_and_sizes = _rows(table, columns.names), _image_sizes(table, columns)
    cells = zip(table.columns[image], starts, labels, *edges_and_sizes, strict=True)
    relative = _are_shares(table, columns.names)
    for name, start, text, edges, size in cells:
        found = files.find(name, start) if name else ()
        if len(found) != 1 or all(map(is_missing, edges)):
            continue
        try:
            boxes[found[0]].append(_box(edges, text, size, columns, relative=relative))
        except DamagedBoxesError as error:
            faults.append((name, error.reason))
    held = {file: tuple(dict.fromkeys(some)) for file, some in boxes.items() if some}
    if not held:
        return FoundBoxes()
    names = ", ".join(map(table.say, columns.names))
    notes = [f"{counted(len(faults), 'box', 'boxes')} of {table.name} set aside, such as that of {faults[0][0]}: "
             f"{faults[0][1]}"] if faults else []  # fmt: skip
    understood = f"boxes: {names} of {table.name} ({counted(len(held), 'image')})"
    return FoundBoxes(boxes=held, understood=(understood,), notes=tuple(notes))


def merged(found: Sequence[FoundBoxes]) -> FoundBoxes:
    """Give the boxes of several tables as one."""
    boxes: dict[Path, tuple[AnnotatedBox, ...]] = {}
    for one in found:
        for file, held in one.boxes.items():
            boxes[file] = tuple(dict.fromkeys((*boxes.get(file, ()), *held)))
    return FoundBoxes(
        boxes=boxes,
        understood=tuple(line for one in found for line in one.understood),
        notes=tuple(line for one in found for line in one.notes),
    )


def _rows(table: Table, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(table.columns[name] for name in names), strict=True)


def _image_sizes(table: Table, columns: BoxColumns) -> Iterator[tuple[int, int] | None]:
    if columns.size is None:
        yield from (None for _ in range(table.count))
        return
    for width, height in _rows(table, columns.size):
        try:
            size = int(float(width)), int(float(height))
        except (ValueError, OverflowError):
            size = 0, 0
        yield size if min(size) > 0 else None


def _are_shares(table: Table, names: Sequence[str]) -> bool:
    """Whether values are shares of the width and the height: they are from 0 to 1, and some are between."""
    values = [value for name in names for text in table.columns[name] if (value := _number(text)) is not None]
    return bool(values) and all(0 <= value <= 1 for value in values) and any(0 < value < 1 for value in values)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _box(
    cells: Sequence[str], label: str, size: tuple[int, int] | None, columns: BoxColumns, *, relative: bool
) -> AnnotatedBox:
    values = [_number(cell) for cell in cells]
    if any(value is None for value in values):
        raise DamagedBoxesError("an edge of a box is not a number")
    x, y, across, down = (value for value in values if value is not None)
    x_max, y_max = (across, down) if columns.edges else (x + across, y + down)
    text = "" if is_missing(label) else label
    return checked(
        AnnotatedBox(
            x_min=x, y_min=y, x_max=x_max, y_max=y_max, label=text, relative=relative, size=None if relative else size
        )
    )


def box_names(columns: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Give the columns that are part of a box, which can be no labels."""
    found = find_box_columns(list(columns))
    return frozenset() if found is None else frozenset((*found.names, *(found.size or ())))
