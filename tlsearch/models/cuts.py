"""The cut: a backbone in two parts, a frozen prefix that is computed once and a suffix that is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.errors import PluginFailedError, WeightsError
from tlsearch.models.flops import Work, layer_work
from tlsearch.plugins.api import Backbone, CutPoint

if TYPE_CHECKING:
    import keras

PEAK_IMAGES = 8
"""Images whose features tell how large values get at each cut."""

HALF_LIMIT = 6e4
"""float16 ends at 65,504; a cut whose features come near is stored as float32."""

FINITE = "finite"
"""The name under which a prefix says of each image whether its preprocessed pixels are finite."""


@dataclass(frozen=True)
class CutInfo:
    """A cut point of a built network: its features' shape (h, w, C), the dtype they are stored in, the work
    (operations an image, see ``work``) from the input up to it, and the layers with weights before it."""

    name: str
    layer: str
    stage_end: bool
    shape: tuple[int, int, int]
    dtype: str
    work: float
    frozen_layers: tuple[str, ...] = ()


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build Keras layers under another precision policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build(backbone: Backbone, image_size: int, weights: Path | None, policy: str) -> keras.Model:
    """A fresh model of the plugin under a dtype policy. Raises ``WeightsError`` where the weights do not fit."""
    with dtype_policy(policy):
        try:
            return backbone.build(image_size, weights)
        except ValueError as error:
            if weights is None:
                raise
            raise WeightsError(
                f"The file {weights} does not fit {backbone.name}: {str(error).splitlines()[0]}"
            ) from error


def cut_tensor(model: keras.Model, cuts: Sequence[CutPoint | CutInfo], depth: int) -> Any:
    """The symbolic tensor at ``depth`` (1 to len(cuts)); 0 is the model's input."""
    return model.input if depth == 0 else model.get_layer(cuts[depth - 1].layer).output


def suffix(model: keras.Model, cuts: Sequence[CutPoint | CutInfo], depth: int) -> keras.Model | None:
    """The part of ``model`` after cut ``depth``, sharing its variables; None where nothing is left."""
    import keras

    if depth == len(cuts):
        return None
    return keras.Model(cut_tensor(model, cuts, depth), model.output, name="suffix")


def prefix(
    backbone: Backbone,
    model: keras.Model,
    cuts: Sequence[CutInfo],
    start: int,
    maps: Sequence[int],
    pooled: Sequence[int],
) -> keras.Model:
    """One graph that computes everything wanted of a batch in one pass.

    Input: RGB 0..255, shape (N, S, S, 3), where ``start`` is 0, else the stored features of cut ``start`` (a stage
    end). Output: a mapping; ``"map 4"`` is the feature map of depth 4 in its stored dtype, for each of ``maps``;
    ``"pool 4"`` is float32 (N, 2 * C), its features pooled over space, averages then maxima, for each of ``pooled``.
    From pixels there is ``FINITE`` besides, (N,): whether what the plugin's preprocessing gives is finite. A backend
    that fuses convolution and ReLU may turn NaN into 0, so that features cannot show it.
    At the end of each stage features are rounded to the stored dtype and back, so that the numbers are the same
    from whichever stage end they are computed.
    """
    import keras
    from keras import ops

    end = max((*maps, *pooled))
    outputs: dict[str, Any] = {}
    if start == 0:
        x = keras.Input((*model.input.shape[1:],), dtype="float32")
        y = backbone.preprocess(x)
        outputs[FINITE] = ops.all(ops.isfinite(ops.cast(y, "float32")), axis=tuple(range(1, len(y.shape))))
    else:
        x = keras.Input(cuts[start - 1].shape, dtype=cuts[start - 1].dtype)
        y = ops.cast(x, "float32")
    previous = start
    for stop in _stage_ends(cuts, start, end):
        depths = [d for d in range(previous + 1, stop + 1) if d in maps or d in pooled or d == stop]
        segment = keras.Model(cut_tensor(model, cuts, previous), [cut_tensor(model, cuts, d) for d in depths])
        tensors = segment(y, training=False)
        for depth, tensor in zip(depths, _as_list(tensors), strict=True):
            rounded = ops.cast(tensor, cuts[depth - 1].dtype)
            y = ops.cast(rounded, "float32")
            if depth in maps:
                outputs[f"map {depth}"] = rounded
            if depth in pooled:
                outputs[f"pool {depth}"] = ops.concatenate([ops.mean(y, axis=(1, 2)), ops.max(y, axis=(1, 2))], axis=-1)
        previous = stop
    return keras.Model(x, outputs, name="prefix")


def _as_list(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _stage_ends(cuts: Sequence[CutInfo], start: int, end: int) -> list[int]:
    inner = [d for d in range(start + 1, end) if cuts[d - 1].stage_end]
    return [*inner, end]


def inspect(backbone: Backbone, model: keras.Model, sample: np.ndarray[Any, Any]) -> tuple[CutInfo, ...]:
    """The cut points of ``model`` with their shapes, work and stored dtypes, from a sample (N, S, S, 3) in 0..255.

    Raises ``PluginFailedError`` where a cut point is not a single tensor of four dimensions, or its features are not
    finite.
    """
    import keras
    from keras import ops

    cuts = list(backbone.cut_points(model))
    parts = _layers_until(model, cuts, backbone.name)
    # Run as it is, not compiled: once, on a few images, that takes less time than compiling would.
    every = keras.Model(model.input, [cut_tensor(model, cuts, d + 1) for d in range(len(cuts))])
    tensors = _as_list(every(backbone.preprocess(sample[:PEAK_IMAGES]), training=False))
    peaks = [float(ops.max(ops.abs(ops.cast(t, "float32")))) for t in tensors]
    infos = []
    for depth, (cut, peak) in enumerate(zip(cuts, peaks, strict=True), 1):
        if not np.isfinite(peak):
            raise PluginFailedError(
                f"The backbone plugin '{backbone.name}' gives non-finite features at '{cut.name}'.",
                plugin=f"backbone {backbone.name}",
            )
        _, height, width, channels = cut_tensor(model, cuts, depth).shape
        dtype = "float16" if peak < HALF_LIMIT else "float32"
        work = sum((layer_work(layer) for layer in parts[depth - 1]), Work()).total
        names = tuple(layer.name for layer in parts[depth - 1] if layer.weights)
        shape = (height, width, channels)
        infos.append(CutInfo(cut.name, cut.layer, cut.stage_end, shape, dtype, work, names))
    return tuple(infos)


def has_batch_norm(model: keras.Model) -> bool:
    """Whether there is a BatchNorm in ``model``, or in a model inside it."""
    import keras

    return any(
        isinstance(layer, keras.layers.BatchNormalization) or (isinstance(layer, keras.Model) and has_batch_norm(layer))
        for layer in model.layers
    )


def arithmetic_share(model: keras.Model) -> float:
    """The share of a model's work that is arithmetic in kernels, 0 to 1; the rest is memory traffic."""
    work = sum((layer_work(layer) for layer in model.layers), Work())
    return work.arithmetic / work.total


def _layers_until(model: keras.Model, cuts: Sequence[CutPoint], name: str) -> list[list[keras.layers.Layer]]:
    import keras

    parts = []
    for depth in range(1, len(cuts) + 1):
        try:
            tensor = cut_tensor(model, cuts, depth)
            part = keras.Model(model.input, tensor)
            if depth < len(cuts):
                keras.Model(tensor, model.output)
            if None in tensor.shape[1:] or len(tensor.shape) != 4:
                raise ValueError(f"features of shape {tensor.shape}")
        except (ValueError, TypeError, AttributeError) as error:
            raise PluginFailedError(
                f"The backbone plugin '{name}' cannot be cut at '{cuts[depth - 1].name}': a cut point must be a "
                "layer with one output tensor (N, h, w, C) through which the whole graph passes.",
                plugin=f"backbone {name}",
            ) from error
        parts.append(list(part.layers))
    return parts
