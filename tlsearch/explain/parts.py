"""A saved network taken apart where its answer loses its places: features of places, their pooling, the head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backend.graph import operations_of, output_of
from tlsearch.backend.private_api import calls_of
from tlsearch.errors import PluginError, PluginFailedError, UsageError
from tlsearch.models.temperature import LEAST
from tlsearch.plugins import registry
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras

HOMOGENEOUS = frozenset(
    (
        "Amax", "Cast", "Concatenate", "Dropout", "Flatten", "GetItem", "GlobalAveragePooling1D",
        "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Identity", "Max", "Mean", "Reshape",
    )
)  # fmt: skip
"""Operations that pool: twice the features make twice the vector, and a constant that is added to them is added to it.
So what a vector's number says is what its features say, each with its weight."""

AFFINE = frozenset(("Normalization", "Dropout", "Rescaling", "Cast", "Identity"))
"""Layers of a linear head besides ``Dense`` without an activation."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A network in parts.

    Attributes:
        features: Maps RGB (N, S, S, 3) to a list of features with places: maps (N, h, w, C) or tokens (N, T, C).
        pooling: Maps these, a list where there are several, to a vector (N, P); to the logits where the answer cannot
            be taken apart further.
        head: Maps the vector to the logits (N, classes); None where ``pooling`` gives them.
        mean: The mean vector of the training images, shape (P,), which the head subtracts; 0 where it does not.
        grids: Rows and columns of places of each of the features.
        exact: Whether the pooling and the head add up: whether the head is linear.
    """

    features: keras.Model
    pooling: keras.Model
    head: keras.Model | None
    mean: Float32Array
    grids: tuple[tuple[int, int], ...]
    exact: bool


def take_apart(predictor: Predictor, network: keras.Model | None = None) -> Parts:
    """Take the network of a model folder apart.

    Args:
        predictor: The model.
        network: The same network for squares of another side; None for its own.

    Raises:
        UsageError: It has no features with places from which its answer is pooled.
    """
    import keras

    model = predictor.model if network is None else network
    logits = logits_of(model)
    frontier, calls = _places(model, logits)
    if any(_is_class_token(call) for call in calls):
        return _before_the_last_block(predictor, model, logits)
    grids = tuple(_grid(tensor) for tensor in frontier)
    if max(rows * columns for rows, columns in grids) < 2:
        raise UsageError(
            f"The network sees a picture of {model.input_shape[1]} pixels as one place, so there is nothing to show on "
            "a map: train with a larger --image-size."
        )
    entry = list(frontier) if len(frontier) > 1 else frontier[0]
    features = keras.Model(model.input, list(frontier))
    first = next((place for place, call in enumerate(calls) if _begins_head(call[0])), None)
    try:
        if first is None:
            raise ValueError("no head")
        operation, (pooled,), _ = calls[first]
        parts = keras.Model(entry, pooled), keras.Model(pooled, logits)
    except ValueError:  # several layers take the pooled features
        pooling = keras.Model(entry, logits)
        return Parts(
            features=features, pooling=pooling, head=None, mean=np.zeros(1, np.float32), grids=grids, exact=False
        )
    adds_up = all(type(call[0]).__name__ in HOMOGENEOUS for call in calls[:first]) and all(map(_has_all, frontier))
    linear = all(_is_affine(call[0]) for call in calls[first:])
    return Parts(
        features=features,
        pooling=parts[0],
        head=parts[1],
        mean=_mean_of(operation, int(pooled.shape[-1])),
        grids=grids,
        exact=adds_up and linear and isinstance(model.layers[-1], keras.layers.Softmax),
    )


def logits_of(model: keras.Model) -> Any:
    """Give the symbolic logits of a model that ends in probabilities.

    Where it does not end in a softmax of its own they are the logarithms of its probabilities, which are the logits but
    for a number that is the same for every class of a picture.
    """
    import keras

    # Not the layer's attribute `input`, which of a layer that stands in several graphs is the first one's.
    for operation, taken, given in calls_of(model):
        if isinstance(operation, keras.layers.Softmax) and any(tensor is model.outputs[0] for tensor in given):
            return taken[0]
    return keras.ops.log(keras.ops.maximum(model.output, LEAST))


_Call = tuple[Any, list[Any], list[Any]]


def _places(model: keras.Model, logits: Any) -> tuple[tuple[Any, ...], list[_Call]]:
    """The last tensors that have places, and the calls from them to the logits, in order."""
    import keras

    whole = keras.Model(model.input, logits)
    calls = calls_of(whole)
    maker = {id(tensor): call for call in calls for tensor in call[2]}
    frontier: dict[int, Any] = {}
    passed: set[int] = set()
    waiting = [logits]
    while waiting:
        tensor = waiting.pop()
        if len(tensor.shape) >= 3:
            frontier[id(tensor)] = tensor
            continue
        call = maker[id(tensor)]
        if id(call) not in passed:
            passed.add(id(call))
            waiting.extend(call[1])
    order = [id(tensor) for call in calls for tensor in call[2]]
    found = tuple(sorted(frontier.values(), key=lambda tensor: order.index(id(tensor))))
    return found, [call for call in calls if id(call) in passed]


def _is_class_token(call: _Call) -> bool:
    """Whether a call takes one token of several: it picks, and what it gives has no places."""
    operation, taken, given = call
    return type(operation).__name__ == "GetItem" and len(taken[0].shape) == 3 and len(given[0].shape) == 2


def _before_the_last_block(predictor: Predictor, model: keras.Model, logits: Any) -> Parts:
    """Parts of a network that answers from its class token: patches as they go into the last block.

    After that block the class token alone is asked, which has no place.
    """
    call = _backbone_call(model)
    cuts = _cut_layers(predictor, None if call is None else call[0])
    if call is None:
        raise UsageError(
            "The network answers from class tokens of several of its layers, which have no place in the picture, so "
            "that no map can be made: explain a model with another pooling."
        )
    if len(cuts) < 2:
        raise UsageError(
            "The network answers from its class token, which has no place in the picture, and nothing here says where "
            f"else it can be cut: install the package that brings its backbone {predictor.config.get('backbone')!r}, "
            "with the settings that it had in the run."
        )
    return _cut_at(model, call, logits, cuts[-2])


def take_apart_earlier(predictor: Predictor, fewest: int) -> Parts | None:
    """Take the network of a model folder apart at its last cut point with more places than it has in the end.

    What lies behind that point is not linear, so that a map there adds up to the logit only roughly.

    Args:
        predictor: The model.
        fewest: The places with which a network has enough in the end.

    Returns:
        The parts; None where the network has enough places, or no such cut point, or where its backbone is not known
        here.
    """
    model = predictor.model
    logits = logits_of(model)
    frontier, _ = _places(model, logits)
    places = max(math.prod(_grid(tensor)) for tensor in frontier)
    if places >= fewest:
        return None
    call = _backbone_call(model)
    for layer in reversed(_cut_layers(predictor, None if call is None else call[0])):
        if call is None:
            return None
        if len(output_of(call[0], layer).shape) == 4 and math.prod(_grid(output_of(call[0], layer))) > places:
            return _cut_at(model, call, logits, layer)
    return None


def _cut_at(model: keras.Model, call: _Call, logits: Any, layer: str) -> Parts:
    """Parts of a network that is cut at a layer of its backbone: what follows gives the logits in one piece."""
    import keras

    backbone, (pixels, *_), given = call
    cut = output_of(backbone, layer)
    features = keras.Model(model.input, [keras.Model(backbone.input, cut)(pixels)])
    entry = keras.Input(cut.shape[1:], dtype="float32")
    block = keras.Model(cut, backbone.output)(entry, training=False)
    rest = keras.Model(given[0], logits)
    return Parts(
        features=features,
        pooling=keras.Model(entry, rest(block)),
        head=None,
        mean=np.zeros(1, np.float32),
        grids=(_grid(cut),),
        exact=False,
    )


def _backbone_call(model: keras.Model) -> _Call | None:
    """The call of the network inside the model, where it has one with a single output."""
    import keras

    calls = [call for call in calls_of(model) if isinstance(call[0], keras.Model)]
    return calls[-1] if calls and len(calls[-1][2]) == 1 else None


def _cut_layers(predictor: Predictor, backbone: keras.Model | None) -> list[str]:
    """The layers at which the plugin of a backbone cuts it; none where it is unavailable, or is of another network."""
    name = predictor.config.get("backbone")
    if backbone is None or not any(entry.name == name for entry in registry.find_plugins("backbone")):
        return []
    try:
        plugin = registry.load_guarded("backbone", str(name))
        layers = [cut.layer for cut in plugin.cut_points(backbone)]
    except (PluginError, PluginFailedError):
        return []
    return layers if {operation.name for operation in operations_of(backbone)} >= set(layers) else []


def _grid(tensor: Any) -> tuple[int, int]:
    """Rows and columns of places. Of tokens, the last that make a square are the patches."""
    shape = tuple(tensor.shape)
    if None in shape[1:]:
        raise UsageError("The features of the network have no fixed size, so they have no map: train it anew.")
    if len(shape) == 4:
        return int(shape[1]), int(shape[2])
    if len(shape) == 3:
        side = math.isqrt(int(shape[1]))
        return side, side
    raise UsageError(f"The features of the network have shape {shape} and no places in a picture: no map can be made.")


def _has_all(tensor: Any) -> bool:
    """Whether all that features hold has a place: no token comes before those of the patches."""
    rows, columns = _grid(tensor)
    return len(tensor.shape) == 4 or rows * columns == tensor.shape[1]


def _begins_head(operation: Any) -> bool:
    import keras

    return isinstance(operation, keras.layers.Normalization | keras.layers.Dense)


def _is_affine(operation: Any) -> bool:
    import keras

    if isinstance(operation, keras.layers.Dense):
        return operation.activation is keras.activations.linear
    return type(operation).__name__ in AFFINE


def _mean_of(operation: Any, width: int) -> Float32Array:
    """The mean that the first layer of a head subtracts."""
    import keras

    if not isinstance(operation, keras.layers.Normalization):
        return np.zeros(width, np.float32)
    mean = np.asarray(keras.ops.convert_to_numpy(operation.mean), np.float32)
    return np.broadcast_to(mean.reshape(-1), (width,)).copy()
