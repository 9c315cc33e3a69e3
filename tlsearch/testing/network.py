"""Small networks and what they compute, for the checks of backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch import backend as runtime
from tlsearch.backend.graph import operations_of, output_of
from tlsearch.plugins.api import Backbone, CutPoint
from tlsearch.testing.pictures import pictures
from tlsearch.types import AnyArray

if TYPE_CHECKING:
    import keras


def tolerance() -> float:
    """By how much of the largest value two ways to the same features may differ: GPUs multiply in less than float32."""
    return 1e-2 if runtime.has_gpu() else 1e-4


def features_of(plugin: Backbone, file: Path | None) -> AnyArray:
    """What the network makes of two small pictures with the weights in ``file``, or with random ones."""
    return outputs(plugin.build(size_of(plugin), file), inputs_of(plugin, 2))


def size_of(plugin: Backbone) -> int:
    """A small size that is no multiple of 32, so that padding matters."""
    return max(plugin.min_image_size, 32) + 8


def to_numpy(tensor: Any) -> AnyArray:
    """A tensor or a variable as a float32 array."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


def outputs(model: keras.Model, x: Any) -> AnyArray:
    """What ``model`` gives in inference mode, as float32."""
    return to_numpy(model(x, training=False))


def inputs_of(plugin: Backbone, count: int) -> Any:
    """Pictures as ``preprocess`` gives them."""
    return plugin.preprocess(pictures(count, size_of(plugin), size_of(plugin)).astype(np.float32))


def difference(one: AnyArray, other: AnyArray) -> float:
    """The largest difference, as a share of the largest value of ``other``, however small that is."""
    if one.shape != other.shape:
        return float("inf")
    furthest, scale = float(np.abs(one - other).max()), float(np.abs(other).max())
    return furthest / scale if scale else float("inf") if furthest else 0.0


SEED = 20_451
"""A seed that hardly anybody has drawn weights with."""

SAME = 1e-5
"""Features that differ by no more than this share of the largest one are of the same weights: rounding reaches it."""


def are_loaded(plugin: Backbone, file: Path) -> bool:
    """Whether the weights in ``file`` make another network than the random values do that they are put over.

    The features decide, on their own scale: those of a network whose statistics are untrained can be tiny.
    """
    import keras

    found = []
    for source in (file, None):
        keras.utils.set_random_seed(SEED)
        found.append(features_of(plugin, source))
    return difference(found[0], found[1]) > SAME


def cuts_of(plugin: Backbone, model: keras.Model) -> list[CutPoint]:
    """The cut points, of which there must be one at least."""
    cuts = list(plugin.cut_points(model))
    assert cuts, "it has no cut points; the last one must be the output of the model"
    return cuts


def tensor_at(model: keras.Model, cut: CutPoint) -> Any:
    """The symbolic tensor at a cut point, which must name a layer, or an operation, with one output."""
    names = [operation.name for operation in operations_of(model)]
    assert cut.layer in names, f"the cut point {cut.name!r} names the layer {cut.layer!r}, which the model has not"
    tensor = output_of(model, cut.layer)
    assert not isinstance(tensor, Sequence | Mapping), f"the layer of the cut point {cut.name!r} has several outputs"
    return tensor


_looked_at: dict[int, tuple[Backbone, keras.Model]] = {}


def model_to_look_at(plugin: Backbone) -> keras.Model:
    """The network of ``perturbed``, built once for all checks of a plugin in a row that change nothing in it."""
    if id(plugin) not in _looked_at:
        _looked_at.clear()
        _looked_at[id(plugin)] = plugin, perturbed(plugin)
    return _looked_at[id(plugin)][1]


def perturbed(plugin: Backbone) -> keras.Model:
    """A network with random weights in which nothing is the identity by chance.

    A block whose last BatchNorm starts at zero would let a wrong cut pass, and let no gradient through.
    """
    import keras
    from keras import ops

    keras.utils.set_random_seed(1)
    model = plugin.build(size_of(plugin), None)
    for variable in model.trainable_variables:
        values = to_numpy(variable)
        if not values.any():
            drawn = np.random.default_rng(values.size).uniform(0.05, 0.1, values.shape)
            variable.assign(ops.cast(drawn / max(1, values[..., 0].size if values.ndim > 1 else 1), variable.dtype))
    return model
