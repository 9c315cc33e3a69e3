"""YOLO: a text file for each picture, a line for each box: class, centre, width and height as shares of the picture.

A line of more values is a polygon, of which the box around it counts, and one of six ends with a confidence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from tlsearch.folders.boxes.box import (
    AnnotatedBox,
    DamagedBoxesError,
    OtherFileError,
    ParsedBoxes,
    checked,
)

MOST_BYTES = 20_000_000

NAME_LISTS = ("classes.txt", "obj.names", "classes.names")
"""What files with the names of the classes, one a line, are called."""

YAML_SUFFIXES = (".yaml", ".yml")

MOST_NAMES = 100_000

_ENTRY = re.compile(r"names\s*:")
_ITEM = re.compile(r"\s*(?:\d+\s*:\s*)?(?:'[^']*'|\"[^\"]*\")|[^,]+")
_NUMBERED = re.compile(r"(\d+)\s*:\s*(.+)")
_QUOTED = re.compile(r"(['\"])(.*?)\1")

_NOT_FOUR = "a line is not a class and four shares of the picture"


def read_yolo(data: bytes, names: Sequence[str] = ()) -> ParsedBoxes:
    """Give the boxes in the annotation of one picture; an empty file says that there is none.

    Args:
        data: The file.
        names: Those of the classes, by number; the number itself stands for one that has none.

    Raises:
        OtherFileError: No line is that of a box: it is a text of another kind.
    """
    if len(data) > MOST_BYTES:
        raise OtherFileError
    try:
        lines = [line.split() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise OtherFileError from None
    boxes, faults = [], []
    for words in lines:
        try:
            boxes.append(_box(words, names))
        except DamagedBoxesError as error:
            faults.append(error.reason)
    if faults and not any(_is_meant(words) for words in lines):
        raise OtherFileError
    return ParsedBoxes(tuple(boxes), tuple(faults))


def read_names(path: Path) -> tuple[str, ...]:
    """Give the names of classes in a list (``NAME_LISTS``) or in a YAML file; none where it holds none."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            return ()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    if path.suffix.lower() not in YAML_SUFFIXES:
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    return _names_in_yaml(text)


def _names_in_yaml(text: str) -> tuple[str, ...]:
    """The entry ``names``: a list, or texts by number, each on one line or more, as programs for YOLO write it.

    No more of YAML is read: its libraries can do far more than a list of names is worth.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    start = next((number for number, line in enumerate(lines) if _ENTRY.match(line)), None)
    if start is None:
        return ()
    inline = lines[start].partition(":")[2].strip()
    if inline[:1] in ("[", "{"):
        whole = " ".join([inline, *lines[start + 1 :]])
        inner = re.split(r"[\]}]", whole[1:], maxsplit=1)[0]
        items = [found.group() for found in _ITEM.finditer(inner) if found.group().strip()]
        return _ordered(items if inline[0] == "[" else [item for item in items if ":" in item])
    block = list(takewhile(lambda line: line[0] in " -", lines[start + 1 :]))
    return _ordered([line.strip().removeprefix("-") for line in block])


def _ordered(items: Sequence[str]) -> tuple[str, ...]:
    """The names in the order of their numbers, where they have some."""
    numbered = [_NUMBERED.fullmatch(item.strip()) for item in items]
    if not items or not all(numbered):
        return tuple(map(_plain, items))
    names = {int(found[1]): _plain(found[2]) for found in numbered if found is not None}
    return tuple(names.get(number, str(number)) for number in range(max(names) + 1)) if max(names) < MOST_NAMES else ()


def _plain(text: str) -> str:
    """A text without its quotation marks, or without the comment behind it."""
    text = text.strip()
    if (found := _QUOTED.match(text)) is not None:
        return found[2]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()


def _is_meant(words: Sequence[str]) -> bool:
    """Whether a line begins like that of a box: with the number of a class and numbers behind it."""
    return len(words) >= 5 and re.fullmatch(r"\d+", words[0]) is not None and all(map(_number_or_none, words[1:5]))


def _number_or_none(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _box(words: Sequence[str], names: Sequence[str]) -> AnnotatedBox:
    if not _is_meant(words):
        raise DamagedBoxesError(_NOT_FOUR)
    try:
        values = [float(word) for word in words[1:]]
    except ValueError:
        raise DamagedBoxesError(_NOT_FOUR) from None
    number = int(words[0])
    label = names[number] if number < len(names) else str(number)
    if len(values) >= 6 and len(values) % 2 == 0:
        across, down = values[::2], values[1::2]
        edges = min(across), min(down), max(across), max(down)
    elif len(values) in (4, 5):
        x, y, width, height = values[:4]
        edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    else:
        raise DamagedBoxesError(_NOT_FOUR)
    if not all(math.isfinite(edge) for edge in edges) or max(map(abs, edges)) > 2:
        raise DamagedBoxesError("the edges of a box are no shares of the picture")
    x_min, y_min, x_max, y_max = edges
    return checked(AnnotatedBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=label, relative=True))
