"""Names of layers that are the same in every build of a network.

Keras numbers the layers that have no name, and goes on counting from one network to the next in a process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tlsearch.backend.graph import operations_of

if TYPE_CHECKING:
    import keras


def is_numbered(operation: Any) -> bool:
    """Whether the name of a layer or an operation may be one that Keras gave it: its class, and perhaps a number."""
    return re.fullmatch(rf"{snake_case(type(operation).__name__)}(_\d+)?", operation.name) is not None


def number_afresh(model: keras.Model) -> None:
    """Number the layers and operations of ``model`` that have no name of their own, from 0 for each class, in order.

    Those of models inside it keep their names, and so does the input.
    """
    operations = [operation for operation in operations_of(model) if type(operation).__name__ != "InputLayer"]
    taken = {operation.name for operation in operations if not is_numbered(operation)}
    counts: dict[str, int] = {}
    for operation in operations:
        if not is_numbered(operation):
            continue
        kind = snake_case(type(operation).__name__)
        number = counts.get(kind, 0)
        while f"{kind}_{number}" in taken:
            number += 1
        operation.name = f"{kind}_{number}"
        counts[kind] = number + 1


def common_beginning(names: list[str]) -> str:
    """The words, parted by underscores, with which all of the names begin; empty where there are none."""
    words = [name.split("_") for name in names]
    same = []
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        same.append(column[0])
    return "_".join(same)


def snake_case(name: str) -> str:
    """The name of a class as Keras writes it in front of a number: ``BatchNormalization`` is batch_normalization."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
