"""Finding a network inside the weights file of a larger model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tlsearch.backend.private_api import all_layers
from tlsearch.plugins.keras_names import is_numbered, snake_case
from tlsearch.plugins.keras_weights import load_as_it_is
from tlsearch.plugins.keras_weights.stored import (
    StoredLayer,
    class_of,
    models_inside,
    opened,
    stored_layers,
    top_layers,
)

if TYPE_CHECKING:
    import keras

NAMED = 3
"""Layers that a message names; of the others it says how many they are."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A layer of the network that has weights: ``layer``, and the shapes of its own variables."""

    layer: keras.layers.Layer
    shapes: tuple[tuple[int, ...], ...]


def has_more_layers(model: keras.Model, file: Path) -> bool:
    """Whether a file of Keras 3 has more layers of a class of the network than the network has, or more in such layers.

    Keras then takes the first of them: of a deeper network those of its beginning, which say nothing here.
    """
    with opened(file) as content:
        stored = _counted(top_layers(content))
    own = [(snake_case(type(layer).__name__), len(_wanted_of(layer))) for layer in model.layers if layer.weights]
    return any(stored[kind] > count for kind, count in _counted(own).items())


def _counted(layers: Iterable[tuple[str, int]]) -> Counter[tuple[str, str]]:
    """How many layers of each class there are, and how many with weights are in all of them together."""
    counts: Counter[tuple[str, str]] = Counter()
    for place, inside in layers:
        counts.update({(class_of(place), "layers"): 1, (class_of(place), "inside"): inside})
    return counts


def load_from_inside(model: keras.Model, file: Path) -> str:
    """Fill ``model`` from the part of a weights file that is this network.

    Returns:
        What the file lacks of the network, in words; empty where every layer was filled.
    """
    with opened(file) as content:
        if _load_model_inside(model, content):
            return ""
        wanted, stored = _wanted_of(model), stored_layers(content)
        found = _by_name(wanted, stored) or _by_order(wanted, stored)
        if found is None:
            return _missing(wanted, stored)
        for one, other in zip(wanted, found, strict=True):
            one.layer.load_own_variables(other.values())
    return ""


def _load_model_inside(model: keras.Model, content: Any) -> bool:
    """Whether a model inside the file, as Keras 3 writes it, is this network; then it is filled.

    Raises ``ValueError`` where it is there several times, as a pupil and its teacher are.
    """
    import h5py

    places, values = list[str](), None
    for group in models_inside(content):
        if any(group.name.startswith(f"{place}/") for place in places):
            continue
        with TemporaryDirectory(prefix="tlsearch-weights-") as folder:
            copy = Path(folder) / "inside.weights.h5"
            with h5py.File(copy, "w") as target:
                for name in group:
                    content.copy(group[name], target, name)
            if load_as_it_is(model, copy) or has_more_layers(model, copy):
                continue
        if values is not None:
            raise ValueError(f"it has this network twice, at {places[0]} and at {group.name}")
        places, values = [group.name], model.get_weights()
    if values is not None:
        model.set_weights(values)
    return values is not None


def _wanted_of(whole: keras.layers.Layer) -> list[_Wanted]:
    """The layers with variables of their own in a model or a layer, itself among them."""
    wanted = []
    for layer in (whole, *all_layers(whole)):
        own: dict[str, Any] = {}
        if not layer.weights:
            continue
        layer.save_own_variables(own)
        if own:
            wanted.append(_Wanted(layer=layer, shapes=tuple(tuple(value.shape) for value in own.values())))
    return wanted


def _by_name(wanted: Sequence[_Wanted], stored: Sequence[StoredLayer]) -> list[StoredLayer] | None:
    """The layers of the same names, where all are there in the right shapes and no others between them.

    Names that Keras gave say little: they are another network's as well as this one's. So do those of a family: VGG19
    has all layers of VGG16 by name and shape, and others between them, without which they compute nothing of use.
    """
    names = [one.layer.name for one in wanted]
    if len(set(names)) < len(names) or any(is_numbered(one.layer) for one in wanted):
        return None
    known = {layer.name: layer for layer in stored}
    found = [known.get(name) for name in names]
    whole = [layer for one, layer in zip(wanted, found, strict=True) if layer and layer.shapes == one.shapes]
    return whole if len(whole) == len(wanted) and not _are_parted(whole, stored) else None


def _are_parted(found: Sequence[StoredLayer], stored: Sequence[StoredLayer]) -> bool:
    """Whether there are other layers between those that were found, as far as the file has an order."""
    ours, has_one_order = {id(layer) for layer in found}, _has_one_order(stored)
    kinds: dict[str, list[bool]] = {}
    for layer in stored:
        kinds.setdefault("" if has_one_order else class_of(layer.place), []).append(id(layer) in ours)
    known = [flags for flags in kinds.values() if any(flags)]
    return not all(all(flags[flags.index(True) : len(flags) - flags[::-1].index(True)]) for flags in known)


def _by_order(wanted: Sequence[_Wanted], stored: Sequence[StoredLayer]) -> list[StoredLayer] | None:
    """The layers of the same shapes that follow each other in the same order; None where no or several places fit.

    There must be no further layers of these shapes, as a deeper network has them before or behind its beginning.

    An ``.h5`` of Keras 2 has one order of all layers, a file of Keras 3 one for each class.
    """
    if _has_one_order(stored):
        return _run([one.shapes for one in wanted], stored, stored)
    classes: dict[str, list[_Wanted]] = {}
    for one in wanted:
        classes.setdefault(type(one.layer).__name__, []).append(one)
    kinds: dict[tuple[Any, ...], list[StoredLayer]] = {}
    for layer in stored:
        kinds.setdefault((*layer.order[:-1], layer.order[-1][0]), []).append(layer)
    alike: dict[Any, list[StoredLayer]] = {}
    for layer in stored:
        alike.setdefault(layer.order[-1][0], []).append(layer)
    found: dict[int, StoredLayer] = {}
    for members in classes.values():
        shapes = [one.shapes for one in members]
        runs = [run for kind, layers in kinds.items() if (run := _run(shapes, layers, alike[kind[-1]])) is not None]
        if len(runs) != 1:
            return None
        found |= {id(one): layer for one, layer in zip(members, runs[0], strict=True)}
    return [found[id(one)] for one in wanted]


def _has_one_order(stored: Sequence[StoredLayer]) -> bool:
    return all(isinstance(layer.order[0], int) for layer in stored)


def _run(
    shapes: Sequence[Any], layers: Sequence[StoredLayer], alike: Sequence[StoredLayer]
) -> list[StoredLayer] | None:
    """Those of ``layers`` that have these shapes one after the other; None where it is no or several places.

    None, too, where others among ``alike`` have one of these shapes.
    """
    there = [layer.shapes for layer in layers]
    starts = [at for at in range(len(there) - len(shapes) + 1) if there[at : at + len(shapes)] == list(shapes)]
    if len(starts) != 1 or sum(layer.shapes in shapes for layer in alike) > len(shapes):
        return None
    return list(layers[starts[0] : starts[0] + len(shapes)])


def _missing(wanted: Sequence[_Wanted], stored: Sequence[StoredLayer]) -> str:
    """Which layers the file lacks, by their names, or by their shapes where names say nothing."""
    names = {layer.name: layer.shapes for layer in stored}
    if not stored:
        return "it holds no layers with weights"
    lacking = []
    for one in wanted:
        name, there = one.layer.name, names.get(one.layer.name)
        if there == one.shapes:
            continue
        other = "" if there is None else f", in the file {_shown(there)}"
        lacking.append(f"{name} {_shown(one.shapes)}{other}")
    if not lacking:
        return "it has these layers and more like them, so that nobody can tell which are those of this network"
    listed = "; ".join(lacking[:NAMED]) + (f"; and {len(lacking) - NAMED} more" if len(lacking) > NAMED else "")
    return f"it lacks {len(lacking)} of {len(wanted)} layers: {listed}"


def _shown(shapes: Sequence[tuple[int, ...]]) -> str:
    """The shape of the first array: that of the kernel."""
    return "x".join(map(str, shapes[0])) if shapes else "()"
