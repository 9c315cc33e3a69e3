"""The layers of a weights file of Keras, whichever kind it is, without building the model that they are of."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch.types import AnyArray

_WEIGHTS, _VARIABLES, _LAYERS = "model.weights.h5", "vars", "layers"


@dataclass(frozen=True, kw_only=True)
class StoredLayer:
    """A layer with weights in a file.

    Attributes:
        place: Where it is in the file, such as ``layers/functional/layers/conv2d_1``.
        name: Its own name, or the last part of ``place`` where the file does not say it.
        order: What layers of one class are sorted by.
        arrays: Its arrays as the file has them, in the order of the layer's own variables.
    """

    place: str
    name: str
    order: tuple[Any, ...]
    arrays: tuple[Any, ...] = field(repr=False)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of its arrays."""
        return tuple(tuple(array.shape) for array in self.arrays)

    def values(self) -> Mapping[str, AnyArray]:
        """Read the arrays, as ``Layer.load_own_variables`` takes them."""
        return {str(number): _read(array) for number, array in enumerate(self.arrays)}


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """Give the HDF5 file of the weights, also where it lies in a ``.keras`` archive.

    Raises what h5py and zipfile raise where it is none.
    """
    import h5py

    if not zipfile.is_zipfile(file):
        with h5py.File(file, "r") as content:
            yield content
        return
    with zipfile.ZipFile(file) as archive, archive.open(_WEIGHTS) as member:
        inner = io.BytesIO(member.read())
    with h5py.File(inner, "r") as content:
        yield content


def stored_layers(content: Any) -> list[StoredLayer]:
    """Give the layers with weights of an opened file, in the order of the model as far as the file has it."""
    legacy = content["model_weights"] if "model_weights" in content and "layer_names" not in content.attrs else content
    if "layer_names" in legacy.attrs or "layer_names0" in legacy.attrs:
        return list(_legacy_layers(legacy))
    return sorted(_layers(content, ""), key=lambda layer: layer.order)


def models_inside(content: Any) -> list[Any]:
    """Give the groups of an opened file of Keras 3 that are models or layers made of layers, the outer ones first."""
    found: list[Any] = []

    def look(name: str, item: Any) -> None:
        if hasattr(item, "keys") and _LAYERS in item:
            found.append(item)

    content.visititems(look)
    return sorted(found, key=lambda group: group.name.count("/"))


def top_layers(content: Any) -> list[tuple[str, int]]:
    """Give the layers with weights on the first level of a file of Keras 3: their places, such as ``conv2d_1``.

    Beside each stands how many layers with weights are in it, itself among them. The state of random numbers, which
    layers such as Dropout have, is no weight.
    """
    layers = content.get(_LAYERS)
    found = [(name, _with_weights(item, name)) for name, item in layers.items()] if hasattr(layers, "items") else []
    return [(name, count) for name, count in found if count]


def _with_weights(group: Any, place: str) -> int:
    return sum(any(array.dtype.kind not in "iu" for array in layer.arrays) for layer in _layers(group, place))


def class_of(place: str) -> str:
    """Give a place without its number: ``layers/conv2d`` of ``layers/conv2d_1``."""
    parts = _natural(place)
    return "/".join(str(stem) for stem, _ in parts)


def _layers(group: Any, place: str) -> Iterator[StoredLayer]:
    """Those of Keras 3: groups with a group ``vars``, whose arrays are called 0, 1, 2."""
    for name, item in group.items():
        if not hasattr(item, "keys"):
            continue
        if name == _VARIABLES:
            numbers = [key for key in item if key.isdecimal()]
            if numbers and place:
                known = item.attrs.get("name", place.rpartition("/")[2])
                yield StoredLayer(
                    place=place,
                    name=known.decode() if isinstance(known, bytes) else str(known),
                    order=_natural(place),
                    arrays=tuple(item[key] for key in sorted(numbers, key=int)),
                )
        elif name != "optimizer":
            yield from _layers(item, f"{place}/{name}".lstrip("/"))


def _legacy_layers(group: Any) -> Iterator[StoredLayer]:
    """Those of an ``.h5`` of Keras 2, and of Keras 3 where it writes such a file: a group for each layer by its name.

    The group of a model inside has the arrays of all its layers; what stands in front of the last stroke in the name of
    an array says of which.
    """
    number = 0
    for outer in _texts(group, "layer_names"):
        arrays: dict[str, list[Any]] = {}
        for text in _texts(group[outer], "weight_names"):
            arrays.setdefault(text.rpartition("/")[0] or outer, []).append(group[outer][text])
        for place, values in arrays.items():
            name, where = place.rpartition("/")[2], f"{outer}/{place}"
            yield StoredLayer(place=where, name=name, order=(number,), arrays=tuple(values))
            number += 1


def _texts(group: Any, name: str) -> list[str]:
    """The texts of an attribute, which HDF5 has in parts where it is long."""
    parts = [name] if name in group.attrs else sorted((a for a in group.attrs if _is_part(a, name)), key=_natural)
    texts = [text for part in parts for text in group.attrs[part]]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]


def _is_part(attribute: str, name: str) -> bool:
    return re.fullmatch(rf"{name}\d+", attribute) is not None


def _natural(text: str) -> tuple[Any, ...]:
    """A key by which ``conv2d_10`` comes behind ``conv2d_9``, and ``conv2d`` in front of ``conv2d_1``."""
    parts = []
    for part in text.split("/"):
        stem, _, number = part.rpartition("_")
        parts.append((stem, int(number)) if stem and number.isdecimal() else (part, -1))
    return tuple(parts)


def _read(array: Any) -> AnyArray:
    """The values; bfloat16, which HDF5 knows as two bytes of any kind, is the upper half of a float32."""
    values = np.asarray(array)
    if values.dtype.kind == "V" and values.dtype.itemsize == 2:
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values
