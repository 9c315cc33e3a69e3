"""A backbone in two parts: a frozen prefix that is computed once, and a suffix that is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backend.graph import not_finite, of_single_tensors, operations_of, output_of
from tlsearch.errors import PluginFailedError, WeightsError
from tlsearch.models.cuts import CutInfo, Cuts, Feature
from tlsearch.models.flops import Work, layer_work
from tlsearch.models.pooling import every_pooling
from tlsearch.plugins.api import Backbone, CutPoint
from tlsearch.plugins.weights import not_finite_weights
from tlsearch.types import AnyArray

if TYPE_CHECKING:
    import keras

PEAK_IMAGES = 8
"""Images whose features tell how large values get at each cut."""

HALF_LIMIT = 6e4
"""float16 ends at 65,504; a cut whose features come near is stored as float32."""

FINITE = "finite"
"""The name under which a prefix gives for each image whether its preprocessed pixels are finite."""


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
    """Build a fresh model of the plugin under a dtype policy.

    Raises:
        WeightsError: The weights do not fit, or are not finite.
        PluginFailedError: The model is not one of one input and one output.
    """
    with dtype_policy(policy):
        try:
            model = backbone.build(image_size, weights)
        except ValueError as error:
            if weights is None:
                raise
            raise WeightsError(
                f"The file {weights} does not fit {backbone.name}: {str(error).splitlines()[0]}"
            ) from error
        try:
            model = of_single_tensors(model)
        except ValueError as error:
            raise PluginFailedError(
                f"What the backbone plugin '{backbone.name}' builds {error}.", plugin=f"backbone {backbone.name}"
            ) from error
    if weights is not None and (spoilt := not_finite(model)):
        raise not_finite_weights(backbone.name, weights, spoilt)
    return model


def cut_tensor(model: keras.Model, cuts: Sequence[CutPoint | CutInfo], depth: int) -> Any:
    """Give the symbolic tensor at a depth, from 1 to ``len(cuts)``; at depth 0 it is the model's input."""
    return model.input if depth == 0 else output_of(model, cuts[depth - 1].layer)


def suffix(model: keras.Model, cuts: Sequence[CutPoint | CutInfo], depth: int) -> keras.Model | None:
    """Give the part of ``model`` after a depth, which shares its variables; None where nothing is left."""
    import keras

    if depth == len(cuts):
        return None
    return keras.Model(cut_tensor(model, cuts, depth), model.output, name="suffix")


def prefix(backbone: Backbone, model: keras.Model, cuts: Cuts, start: int, wanted: Collection[Feature]) -> keras.Model:
    """Build one graph that computes everything wanted of a batch in one pass.

    At the end of each stage features are rounded to the stored type and back, so that the numbers are the same from
    whichever stage end they are computed.

    Args:
        backbone: The plugin, whose preprocessing belongs to the graph.
        model: Its model.
        cuts: Its cut points.
        start: The depth of the input: RGB 0..255, shape (N, S, S, 3), at depth 0, else the stored features of a stage
            end.
        wanted: What to compute.

    Returns:
        A model whose output is a mapping from the names of ``wanted`` to their values. From pixels there is ``FINITE``
        besides, (N,): whether what the plugin's preprocessing gives is finite. A backend that fuses convolution and
        ReLU may turn NaN into 0, so that features cannot show it.
    """
    import keras
    from keras import ops

    end = max(feature.depth for feature in wanted)
    outputs: dict[str, Any] = {}
    if start == 0:
        x = keras.Input((*model.input.shape[1:],), dtype="float32")
        y = backbone.preprocess(x)
        outputs[FINITE] = ops.all(ops.isfinite(ops.cast(y, "float32")), axis=tuple(range(1, len(y.shape))))
    else:
        x = keras.Input(cuts.point(start).shape, dtype=cuts.point(start).dtype)
        y = ops.cast(x, "float32")
    previous = start
    for stop in (*cuts.stage_ends(start, end), end):
        depths = sorted({stop, *(f.depth for f in wanted if previous < f.depth <= stop)})
        segment = keras.Model(cut_tensor(model, cuts, previous), [cut_tensor(model, cuts, d) for d in depths])
        tensors = segment(y, training=False)
        for depth, tensor in zip(depths, _as_list(tensors), strict=True):
            rounded = ops.cast(tensor, cuts.point(depth).dtype)
            y = ops.cast(rounded, "float32")
            if (feature := Feature("map", depth)) in wanted:
                outputs[str(feature)] = rounded
            if (feature := Feature("pool", depth)) in wanted:
                outputs[str(feature)] = every_pooling(y, cuts.point(depth).leading_tokens)
        previous = stop
    return keras.Model(x, outputs, name="prefix")


def _as_list(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def inspect(backbone: Backbone, model: keras.Model, sample: AnyArray) -> Cuts:
    """Find the cut points of ``model`` with their shapes, work and stored types.

    Args:
        backbone: The plugin.
        model: Its model.
        sample: Images (N, S, S, 3) in 0..255, whose features tell how large values get.

    Raises:
        PluginFailedError: A cut point is neither a feature map nor tokens, or features or preprocessed pixels are not
            finite.
    """
    import keras
    from keras import ops

    cuts = list(backbone.cut_points(model))
    parts = _operations_until(model, cuts, backbone.name)
    # Run as it is, not compiled: once, on a few images, that takes less time than compiling would.
    every = keras.Model(model.input, [cut_tensor(model, cuts, d + 1) for d in range(len(cuts))])
    pixels = backbone.preprocess(sample[:PEAK_IMAGES])
    if not ops.all(ops.isfinite(ops.cast(pixels, "float32"))):
        raise PluginFailedError(
            f"The backbone plugin '{backbone.name}' turns images into values that are not finite: fix its preprocess.",
            plugin=f"backbone {backbone.name}",
        )
    tensors = _as_list(every(pixels, training=False))
    peaks = [float(ops.max(ops.abs(ops.cast(t, "float32")))) for t in tensors]
    infos = []
    for depth, (cut, peak) in enumerate(zip(cuts, peaks, strict=True), 1):
        if not np.isfinite(peak):
            raise PluginFailedError(
                f"The backbone plugin '{backbone.name}' gives non-finite features at '{cut.name}'.",
                plugin=f"backbone {backbone.name}",
            )
        dtype = "float16" if peak < HALF_LIMIT else "float32"
        work = sum((layer_work(layer) for layer in parts[depth - 1]), Work()).total
        names = tuple(layer.name for layer in parts[depth - 1] if getattr(layer, "weights", ()))
        infos.append(
            CutInfo(
                name=cut.name,
                layer=cut.layer,
                stage_end=cut.stage_end,
                shape=tuple(cut_tensor(model, cuts, depth).shape[1:]),
                dtype=dtype,
                work=work,
                frozen_layers=names,
                leading_tokens=cut.leading_tokens,
            )
        )
    return Cuts(tuple(infos))


def has_batch_norm(model: keras.Model) -> bool:
    """Find out whether there is a BatchNorm in ``model``, or in a model inside it."""
    import keras

    return any(
        isinstance(layer, keras.layers.BatchNormalization) or (isinstance(layer, keras.Model) and has_batch_norm(layer))
        for layer in model.layers
    )


def arithmetic_share(model: keras.Model) -> float:
    """Give the share of a model's work that is arithmetic in kernels, 0 to 1; the rest is memory traffic."""
    work = sum((layer_work(layer) for layer in operations_of(model)), Work())
    return work.arithmetic / work.total


def _operations_until(model: keras.Model, cuts: Sequence[CutPoint], name: str) -> list[list[Any]]:
    import keras

    parts = []
    for depth in range(1, len(cuts) + 1):
        try:
            tensor = cut_tensor(model, cuts, depth)
            part = keras.Model(model.input, tensor)
            if depth < len(cuts):
                keras.Model(tensor, model.output)
            if fault := shape_fault(tensor.shape, cuts[depth - 1].leading_tokens):
                raise ValueError(fault)
        except (ValueError, TypeError, AttributeError) as error:
            cut = cuts[depth - 1]
            raise PluginFailedError(
                f"The backbone plugin '{name}' cannot be cut at '{cut.name}' (the layer '{cut.layer}'): a cut point "
                "must be a layer with one output tensor, a feature map (N, h, w, C) or tokens (N, T, C), through which "
                "the whole graph passes.",
                plugin=f"backbone {name}",
            ) from error
        parts.append(operations_of(part))
    return parts


def shape_fault(shape: Sequence[int | None], leading_tokens: int) -> str:
    """Say what is wrong with the shape of features at a cut point, with that of the batch; empty where nothing is."""
    if len(shape) not in (3, 4):
        return f"have shape {tuple(shape)}, neither (N, h, w, C) nor (N, T, C)"
    if None in shape[1:]:
        return f"have no fixed size: {tuple(shape)}"
    if len(shape) == 4:
        return f"are a map, which has no leading tokens, not {leading_tokens}" if leading_tokens else ""
    tokens = shape[1] or 0
    if 0 <= leading_tokens < tokens:
        return ""
    return f"are {tokens} tokens, of which {leading_tokens} cannot come before those of the patches"
