"""Labels in memory become the names of class folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

import numpy as np

from tlsearch.data.memory.pixels import Array, as_numpy
from tlsearch.errors import UsageError
from tlsearch.folders.junk import junk_kind
from tlsearch.utils.texts import is_utf8

Scalar = int | str

_LONGEST_NAME = 200  # bytes


def scalars_of(labels: Any) -> list[Scalar]:
    """The labels of all images: (N,) of whole numbers or texts, (N, 1), or (N, C) with a single 1 in each row.

    Raises ``UsageError`` where they are none.
    """
    array = as_numpy(labels)
    if array.ndim not in (1, 2):
        raise UsageError(f"The labels have the shape {array.shape}: give one label for each image.")
    listed = isinstance(labels, list | tuple) and array.ndim == 1  # of which NumPy makes texts where one is a text
    return [scalar_of(label, f"label {number}") for number, label in enumerate(labels if listed else array)]


def scalar_of(label: Any, name: str) -> Scalar:
    """One label: a whole number, a text, or a row with a single 1; ``name`` is what to call it."""
    array = np.asarray(label)
    if array.ndim == 1 and array.size > 1:
        return _place_of_one(array, name)
    if array.size != 1:
        raise UsageError(f"{name} has the shape {array.shape}: give one label for each image.")
    value = array.reshape(()).item()
    if isinstance(value, bytes):
        value = value.decode(errors="surrogateescape")
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, bool | float) and float(value).is_integer():
        return int(value)
    raise UsageError(f"{name} is {value!r}: give a whole number or a text.")


def _place_of_one(row: Array, name: str) -> int:
    if row.dtype.kind not in "buif" or not np.isin(row, (0, 1)).all():
        raise UsageError(f"{name} is a row that holds more than 0 and 1: give the number of the class.")
    if row.sum() != 1:
        raise UsageError(f"{name} names {int(row.sum())} classes: each image needs exactly one.")
    return int(row.argmax())


def class_folders(labels: Sequence[Scalar], class_names: Sequence[str]) -> dict[Scalar, str]:
    """The name of the class folder for every label.

    Whole numbers get ``class_names`` where there are some, else zeros in front, so that class 10 comes after class 9.
    Raises ``UsageError`` where a label has no name that a folder can have, or where there is one class only.
    """
    found = sorted(set(labels), key=lambda label: (isinstance(label, str), label))
    if len({type(label) for label in found}) > 1:
        raise UsageError("Some labels are numbers and some are texts: give only one kind.")
    if len(found) < 2:
        raise UsageError(f"All labels are {found[0]!r}: give images of at least two classes.")
    width = max(len(str(label)) for label in found)
    names: dict[Scalar, str] = {}
    for label in found:
        if isinstance(label, str):
            names[label] = normalize("NFC", label)
        elif not class_names:
            names[label] = f"{label:0{width}d}"
        elif 0 <= label < len(class_names):
            names[label] = str(class_names[label])
        else:
            raise UsageError(f"The label {label} has no name among the {len(class_names)} class names: correct it.")
        _require_folder_name(names[label])
    if len(set(names.values())) < len(names):
        raise UsageError("Two labels have the same name: give each class a name of its own.")
    return names


def _require_folder_name(name: str) -> None:
    bad = not name.strip() or any(letter in name for letter in "/\\\0") or junk_kind(name) is not None
    if bad or not is_utf8(name) or len(name.encode()) > _LONGEST_NAME:
        raise UsageError(
            f"The label {name[:100]!r} cannot be the name of a folder: rename it, without slashes, without a dot at "
            f"its beginning and with at most {_LONGEST_NAME} bytes."
        )
