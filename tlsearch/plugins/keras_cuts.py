"""Where a functional Keras model can be cut in two, found from its graph alone.

Nothing here depends on the size of the images, so that a network has the same cut points at every size: resolution is
told from strides, and work is counted for each pixel of the input.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tlsearch.backend.graph import kernel_size_of
from tlsearch.backend.private_api import calls_of, has_graph
from tlsearch.plugins.api import CutPoint
from tlsearch.plugins.keras_names import common_beginning, is_numbered

if TYPE_CHECKING:
    import keras

LEAST_SHARE = 0.01
"""The share of a network's work by which neighbours among its cut points differ at least."""

WIDE = 2.0
"""How many times the channels of the narrowest features of its stage a cut point may have inside a block. Blocks widen
their features inside by 3 to 6 (MobileNet, EfficientNet), networks do so from block to block by 2."""

GATE = "Multiply"
"""What weighs features by what was made of them, as in squeeze-and-excitation and in swish: inside a block."""

PADDING = ("ZeroPadding2D", "Pad")
"""What pads belongs to the kernel behind it."""

MOST_CUTS = 24
"""Every cut point is probed once in a run, and is a depth for the search to choose from: more of them tell nothing
new."""

WIDER = 1.25
"""By what the least share grows until there are few enough cut points."""

OPERATIONS_PER_VALUE = 60.0
"""Reading and writing one value costs about as much as this many operations; see ``models.flops``."""

Call = tuple[Any, list[Any], list[Any]]
"""An operation with the tensors that it takes and those that it gives."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """A tensor through which the whole graph passes.

    Attributes:
        operation: What gives it.
        tensor: The tensor.
        names: The names that authors gave to what lies between the place before and here.
        arithmetic: The operations in kernels up to here, for each pixel of the input.
        work: The same with reading and writing values.
        stride: By what its resolution is lower than that of the input.
        stride_before: The stride behind the last kernel before it: smaller where it is pooled since.
        is_boundary: Whether a block begins or ends here: branches join or part that are no gate.
    """

    operation: Any
    tensor: Any
    names: tuple[str, ...]
    arithmetic: float
    work: float
    stride: float
    stride_before: float
    is_boundary: bool

    @property
    def channels(self) -> int:
        """The channels of its features."""
        return int(self.tensor.shape[-1])


def find_cuts(model: keras.Model) -> list[CutPoint]:
    """Find the cut points of a functional model in order; the last is its output.

    A cut point is a tensor through which every path from input to output leads, and a feature map (N, h, w, C). Of
    those with no kernel between them the last stands for all: a convolution is followed by its normalisation, its
    activation and its pooling. Those inside a block where its features are wide are left out, and of those that differ
    too little in work some: first those inside a block, last those at the end of a stage. A model inside the model
    is never cut inside, nor is what lies between two calls of one layer, or between two layers with a common weight.

    Raises:
        ValueError: The model's output is not a single feature map, or is given by a layer that is called before, too.
    """
    places = _merged([place for place in _places(model) if place.arithmetic > 0])
    if not places or places[-1].tensor is not model.output:
        *before, (last, _, _) = calls_of(model)
        if any(operation is last for operation, _, _ in before):
            raise ValueError(f"its last layer {last.name!r} is called before, too: end it with a layer of its own")
        raise ValueError(
            "the output of the model must be one feature map (N, h, w, C): leave out its top, and build it of layers; "
            "where it gives tokens (N, T, C), write a cut_points"
        )
    ends = _stage_ends(places)
    kept = _thinned(places, ends)
    names = _names(model, kept)
    return [
        CutPoint(name=name, layer=place.operation.name, stage_end=place in ends)
        for place, name in zip(kept, names, strict=True)
    ]


def _places(model: keras.Model) -> Iterator[_Place]:
    """Every tensor through which the whole graph passes and that is a feature map, in order.

    In an order in which every operation comes after what it takes, such a tensor is the only one that is used later. It
    does not count between two uses of one weight, which would be frozen in one part and trained in the other: two calls
    of a layer, or two layers that share a kernel. And what a layer gives that is called twice has no name of its own.
    """
    calls = calls_of(model)
    uses: dict[int, list[int]] = {}
    for number, (_, taken, _) in enumerate(calls):
        for tensor in {id(t) for t in taken}:
            uses.setdefault(tensor, []).append(number)
    gated = {id(t) for operation, taken, _ in calls if _kind(operation) == GATE for t in taken}
    uses.setdefault(id(model.output), []).append(len(calls))
    last_use = {id(part): number for number, (operation, _, _) in enumerate(calls) for part in _parts_of(operation)}
    counts = Counter(id(operation) for operation, _, _ in calls)
    shared_until = 0
    strides: dict[int, float] = {}
    alive: set[int] = set()
    names: list[str] = []
    arithmetic = work = 0.0
    for number, call in enumerate(calls):
        operation, taken, given = call
        stride, own_arithmetic, own_work = _computed(call, min((strides[id(t)] for t in taken), default=1.0))
        arithmetic, work = arithmetic + own_arithmetic, work + own_work
        strides.update((id(t), stride) for t in given)
        alive = {t for t in alive if uses[t][-1] > number} | {id(t) for t in given if id(t) in uses}
        if not is_numbered(operation):
            names.append(operation.name)
        shared_until = max(shared_until, *(last_use[id(part)] for part in _parts_of(operation)))
        once = counts[id(operation)] == 1
        if once and number >= shared_until and alive == {id(t) for t in given} and _is_map(given):
            yield _Place(
                operation=operation,
                tensor=given[0],
                names=tuple(names),
                arithmetic=arithmetic,
                work=work,
                stride=stride,
                stride_before=stride,
                is_boundary=(len(taken) > 1 and _kind(operation) != GATE)
                or (len(uses[id(given[0])]) > 1 and id(given[0]) not in gated),
            )
            names = []


def _parts_of(operation: Any) -> list[Any]:
    """An operation and its weights: what two calls may share, also where two layers have one kernel."""
    return [operation, *getattr(operation, "weights", ())]


def _kind(operation: Any) -> str:
    return type(operation).__name__


def _is_map(given: Sequence[Any]) -> bool:
    """Whether what an operation gives is one feature map."""
    return len(given) == 1 and len(given[0].shape) == 4 and None not in given[0].shape[1:]


def _computed(call: Call, stride: float) -> tuple[float, float, float]:
    """The stride behind a call whose inputs have ``stride``, its arithmetic and its work for each input pixel."""
    operation, taken, given = call
    if has_graph(operation):
        return _computed_inside(operation, stride)
    stride *= _stride_of(operation, taken, given)
    share = 1.0 / stride**2
    arithmetic = 2.0 * share * kernel_size_of(operation)
    values = sum(float(t.shape[-1] or 1) for t in given if len(t.shape) == 4)
    return stride, arithmetic, arithmetic + OPERATIONS_PER_VALUE * share * values


def _computed_inside(operation: Any, stride: float) -> tuple[float, float, float]:
    """The same of a model inside the model, along its graph."""
    strides: dict[int, float] = {}
    before, arithmetic, work = stride, 0.0, 0.0
    for call in calls_of(operation):
        _, taken, given = call
        stride, own_arithmetic, own_work = _computed(call, min((strides[id(t)] for t in taken), default=before))
        arithmetic, work = arithmetic + own_arithmetic, work + own_work
        strides.update((id(t), stride) for t in given)
    return stride, arithmetic, work


def _stride_of(operation: Any, taken: Sequence[Any], given: Sequence[Any]) -> float:
    """By what an operation lowers the resolution; infinity where it pools everything, as in squeeze-and-excitation."""
    if _kind(operation).startswith("Global") or _kind(operation) in ("Mean", "Max"):
        return math.inf
    strides = getattr(operation, "strides", None)
    strides = getattr(operation, "pool_size", None) if strides is None else strides  # as keras.ops pools by itself
    if strides is not None:
        return float(strides[0] if isinstance(strides, Sequence) else strides)
    shapes = [t.shape for t in (*taken[:1], *given[:1]) if len(t.shape) == 4]
    known = hasattr(operation, "padding") or hasattr(operation, "cropping") or len(taken) != 1
    if known or len(shapes) != 2 or not all(shape[1] and shape[1] > 1 for shape in shapes):
        return 1.0
    return float(max(1, round(shapes[0][1] / shapes[1][1])))


def _merged(places: Sequence[_Place]) -> list[_Place]:
    """Of places with no kernel between them the last, which tells where the first one was."""
    merged: list[_Place] = []
    for place in places:
        if not merged or place.arithmetic > merged[-1].arithmetic:
            merged.append(place)
        elif _kind(place.operation) not in PADDING or place is places[-1]:
            first = merged.pop()
            merged.append(
                replace(
                    place,
                    names=(*first.names, *place.names),
                    stride_before=first.stride_before,
                    is_boundary=first.is_boundary or place.is_boundary,
                )
            )
    return merged


def _stages(places: Sequence[_Place]) -> list[list[_Place]]:
    """The places whose kernels work at the same resolution, from the input on."""
    return [list(stage) for _, stage in groupby(places, key=lambda place: place.stride_before)]


def _stage_ends(places: Sequence[_Place]) -> list[_Place]:
    """The last place of every stage at which features are not wide, and the output."""
    ends = []
    for stage in _stages(places)[:-1]:
        least = min(place.channels for place in stage)
        ends.append(next(place for place in reversed(stage) if place.channels <= WIDE * least))
    return [*ends, places[-1]]


def _thinned(places: Sequence[_Place], ends: Sequence[_Place]) -> list[_Place]:
    """The places that stay: the most important first, each where it differs enough from those that stay already."""
    narrow = []
    for stage in _stages(places):
        least = min(place.channels for place in stage)
        narrow += [p for p in stage if p.is_boundary or p in ends or p.channels <= WIDE * least]
    output, *before = reversed(narrow)
    order = [output, *sorted(before, key=lambda place: (place not in ends, not place.is_boundary))]
    share = LEAST_SHARE
    while True:
        kept: list[_Place] = []
        for place in order:
            if all(abs(place.work - other.work) >= share * output.work for other in kept):
                kept.append(place)
        if len(kept) <= MOST_CUTS:
            return sorted(kept, key=lambda place: place.work)
        share *= WIDER


def _names(model: keras.Model, places: Sequence[_Place]) -> list[str]:
    """What people read: the name of the layer; where it has none, what the names in its block have in common."""
    layers = [place.operation.name for place in places]
    names = [_name(model, place) for place in places]
    return [name if names.count(name) == 1 else layer for name, layer in zip(names, layers, strict=True)]


def _name(model: keras.Model, place: _Place) -> str:
    own = [name.removeprefix(f"{model.name}_") for name in (place.operation.name, *place.names)]
    return common_beginning(own[1:]) or own[0] if is_numbered(place.operation) else own[0]
