"""What the columns of a table are: image, label, split, group and weight, from their names and from what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tlsearch.errors import DataError
from tlsearch.utils.texts import hint, some
from tlsearch_plugins.readers.folders.names import words
from tlsearch_plugins.readers.tables.boxes import box_names
from tlsearch_plugins.readers.tables.image_columns import IMAGE_NAMES, Finder, image_column
from tlsearch_plugins.readers.tables.labels import (
    LABEL_NAMES,
    is_label,
    is_usable,
    is_yes,
    label_columns,
    one_hot_columns,
)
from tlsearch_plugins.readers.tables.parsing import Table
from tlsearch_plugins.readers.tables.split_columns import NONE, SplitColumns, find_split, remarks
from tlsearch_plugins.readers.tables.splits import SPLIT_NAMES, RowPart

ROLES = ("image", "label", "split", "group", "weight")
"""What a column can be; each has an option ``--<role>-column``."""

_OPTIONAL = ("split", "group", "weight")
"""Those of them that a table may lack; the option says ``none`` where a column that looks like one is none."""

GROUP_NAMES = (
    *("patient", "patient_id", "patientid", "patient_name", "subject", "subject_id", "subjectid", "participant"),
    *("participant_id", "lesion_id", "case_id", "study_id", "video", "video_id", "sequence_id", "group", "group_id"),
    *("slide_id", "specimen_id", "donor_id", "scan_id", "series_id", "seq_id", "clip_id", "scene_id"),
)
"""What columns of groups are called. A person or an animal may be what is to be told apart, so these are none."""

WEIGHT_NAMES = ("weight", "weights", "sample_weight", "sampleweight")
"""What columns of weights are called."""

_PLACE = ("x", "y")
"""Columns of numbers of which both say a place; y alone is what is to be learned from x."""

_LARGE = 10
"""Weights are about 1, so that one above this may be a measure."""

USUAL_NAMES = frozenset((*IMAGE_NAMES, *LABEL_NAMES, *SPLIT_NAMES, *GROUP_NAMES, *WEIGHT_NAMES))
"""What columns are called; another text in a first row can be the name of a file."""


class UnclearLabelError(DataError):
    """A table of which the label cannot be told; ``able`` are the columns that can hold it."""

    def __init__(self, message: str, able: Sequence[str]) -> None:
        super().__init__(message)
        self.able = tuple(able)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is what.

    Attributes:
        image: That of the images.
        labels: That of the labels, or, where each label has a column of its own with 0 and 1, all of them.
        empty: Columns like those of the labels that are 0 in every row: labels that no image has.
        split: That of the parts or folds.
        places: What each text in that of the parts or folds means.
        group: That of the groups.
        weight: That of the weights.
        notes: What a person should know of columns that are not used, a sentence each.
    """

    image: str
    labels: tuple[str, ...]
    empty: tuple[str, ...] = ()
    split: str | None = None
    places: Mapping[str, RowPart] = field(default_factory=dict)
    group: str | None = None
    weight: str | None = None
    notes: tuple[str, ...] = ()


def find_columns(table: Table, chosen: Mapping[str, str], find: Finder, where: str) -> Columns:
    """Which column is what: what the user has ``chosen`` by role, and what names and values say of the others.

    Raises ``DataError`` where a chosen column is not there, or where the image or the label cannot be told.
    """
    absent = {role for role in _OPTIONAL if _is_none(table, chosen.get(role, ""))}
    given = {role: _chosen(table, role, name) for role, name in chosen.items() if role not in absent}
    image = image_column(table, given, find, where)
    rest = [name for name in table.columns if name != image and name not in given.values()]
    split = SplitColumns() if "split" in absent else find_split(table, rest, given.get("split"))
    rest = [name for name in rest if name not in split.no_labels]
    able = {role: rest if role not in absent else [] for role in ("group", "weight")}
    group = given.get("group") or _named(able["group"], GROUP_NAMES, lambda name: _joins(table.columns[name]))
    weight = given.get("weight") or _named(able["weight"], WEIGHT_NAMES, lambda name: _are_weights(table.columns[name]))
    taken = {image, split.used, group, weight, *box_names(table.columns)}
    labels = (given["label"],) if "label" in given else _labels(table, [name for name in rest if name not in taken])
    empty = [name for name in labels if len(labels) > 1 and not any(map(is_yes, table.columns[name]))]
    labels = tuple(name for name in labels if name not in empty)
    measure = () if "label" in given else _remark_measure(table, labels)
    return Columns(
        image=image,
        labels=labels,
        empty=tuple(empty),
        split=split.used,
        places=split.meaning.places if split.meaning is not None else {},
        group=group,
        weight=weight,
        notes=(
            *remarks(table, split, (*taken, *labels)),
            *measure,
            *_remark_weights(table, [name for name in able["weight"] if name not in (*taken, *labels)]),
            *(_remark_large(table, weight) if "weight" not in given else ()),
        ),
    )


def normal(name: str) -> str:
    """``Image ID`` and ``imageId`` as ``image_id``."""
    return "_".join(words(name))


def say_columns(table: Table, columns: Columns) -> str:
    """What was understood, in a line: ``image from 'file', label from 'breed'``."""
    several = len(columns.labels) > 1
    label = f"the columns {listed(columns.labels)}" if several else table.say(columns.labels[0])
    if columns.empty:
        label += f" (no image has {listed(columns.empty)})"
    split = "fold" if any(place.fold is not None for place in columns.places.values()) else "split"
    others = ((split, columns.split), ("group", columns.group), ("weight", columns.weight))
    parts = [f"image from {table.say(columns.image)}", f"label from {label}"]
    return ", ".join([*parts, *(f"{role} from {table.say(name)}" for role, name in others if name is not None)])


def listed(names: Sequence[str], most: int = 8) -> str:
    """``a, b, c and 3 more``, for names of columns."""
    return some(names, most)


def _is_none(table: Table, wanted: str) -> bool:
    """Whether the user says that no column is meant."""
    return wanted.strip().casefold() == NONE and NONE not in table.columns


def _chosen(table: Table, role: str, wanted: str) -> str:
    """The column that the user names, upper and lower case aside."""
    if wanted in table.columns:
        return wanted
    alike = [name for name in table.columns if name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    columns = list(table.columns)
    suggested = hint(wanted, columns, f"its columns are {listed(columns)}")
    raise DataError(f"{table.name} has no column {wanted!r} for --{role}-column: {suggested}")


def _labels(table: Table, rest: Sequence[str]) -> tuple[str, ...]:
    """The columns of labels among those that are nothing else. Raises ``DataError`` where they cannot be told."""
    place = {name for name in rest if normal(name) in _PLACE and all(map(_is_number, table.columns[name]))}
    usable = [name for name in rest if is_usable(table, name) and not (len(place) > 1 and name in place)]
    if by_name := label_columns(table, usable):
        able = by_name
    elif one_hot := one_hot_columns(table, usable):
        return one_hot
    else:
        able = [name for name in usable if is_label(table, name)]
    if len(able) == 1:
        return (able[0],)
    if able:
        raise UnclearLabelError(
            f"Several columns of {table.name} can be the label ({listed(able)}): choose one with --label-column.", able
        )
    raise UnclearLabelError(
        f"{table.name} has no column that can be the label (its columns are {listed(list(table.columns))}): name it "
        "with --label-column.",
        (),
    )


def _remark_measure(table: Table, labels: Sequence[str]) -> Iterator[str]:
    """A note where the label is a column of numbers that is called like no label: it may be an age or a count."""
    name = labels[0]
    if len(labels) == 1 and normal(name) not in LABEL_NAMES and all(map(_is_number, table.columns[name])):
        yield (
            f"{table.say(name)} of {table.name} holds numbers and is read as the label, as no other column can be one: "
            "if it is a measure, name the label with --label-column"
        )


def _remark_weights(table: Table, unused: Sequence[str]) -> Iterator[str]:
    """A note on each column that is called like weights and holds something else, such as 0 or ``0,5``."""
    for name in unused:
        strange = next((text for text in table.columns[name] if weight_of(text) is None), None)
        if normal(name) in WEIGHT_NAMES and strange is not None:
            yield f"{table.say(name)} of {table.name} is not used: it holds {strange!r}, which is no weight above 0"


def _remark_large(table: Table, weight: str | None) -> Iterator[str]:
    """A note where weights are so large that they may be what the things in the images weigh."""
    most = max((weight_of(text) or 0 for text in table.columns[weight]), default=0) if weight is not None else 0
    if weight is not None and most > _LARGE:
        yield (
            f"{table.say(weight)} of {table.name} says how much each image counts in training, up to {most:,g}: if it "
            f"is a measure, say --weight-column {NONE}"
        )


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def _named(names: Sequence[str], usual: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    """The column with the plainest of the ``usual`` names that ``fits``."""
    able = [name for name in names if normal(name) in usual and fits(name)]
    return min(able, key=lambda name: _rank(name, usual), default=None)


def _rank(name: str, usual: Sequence[str]) -> int:
    return usual.index(normal(name)) if normal(name) in usual else len(usual)


def _joins(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    return 1 < len(set(filled)) < len(filled)


def _are_weights(values: Sequence[str]) -> bool:
    return all(weight_of(value) is not None for value in values)


def weight_of(text: str) -> float | None:
    """A weight above 0; 1 for an empty cell, None for what is no weight."""
    try:
        weight = float(text or "1")
    except ValueError:
        return None
    return weight if 0 < weight < float("inf") else None
