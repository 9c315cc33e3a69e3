"""The model of one trial: a fresh suffix of the backbone with a head on top, and the whole model for export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backbones import cut
from tlsearch.backbones.cut import CutInfo
from tlsearch.plugin_api import Backbone
from tlsearch.records import Candidate, TrialSpec

if TYPE_CHECKING:
    import keras

FloatArray = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class HeadWeights:
    """The numbers of a head on pooled features x of width d.

    ``mean`` and ``scale`` (d,) standardise: (x - mean) / scale. Then an optional hidden layer with ReLU, then the
    linear layer that gives logits. Kernels are (in, out).
    """

    mean: FloatArray
    scale: FloatArray
    hidden: tuple[FloatArray, FloatArray] | None
    linear: tuple[FloatArray, FloatArray]


def head_layers(units: int, dropout: float, classes: int, seed: int, mean: FloatArray, scale: FloatArray) -> list[Any]:
    """The layers of a head on pooled features: standardise, drop, an optional hidden layer, logits; in float32.

    ``mean`` and ``scale`` are constants of the first layer, so that the saved model holds them.
    """
    import keras

    layers: list[Any] = [
        keras.layers.Normalization(
            mean=mean.astype(np.float32),
            variance=np.square(scale, dtype=np.float32),
            dtype="float32",
            name="standardise",
        )
    ]
    if dropout:
        layers.append(keras.layers.Dropout(dropout, seed=seed, name="drop"))
    if units:
        start = keras.initializers.HeNormal(seed=seed + 1)
        layers.append(keras.layers.Dense(units, activation="relu", kernel_initializer=start, name="hidden"))
        if dropout:
            layers.append(keras.layers.Dropout(dropout, seed=seed + 2, name="drop_hidden"))
    start = keras.initializers.GlorotUniform(seed=seed + 3)
    layers.append(keras.layers.Dense(classes, kernel_initializer=start, dtype="float32", name="logits"))
    return layers


class Head:
    """A head whose layers can be applied to symbolic features and whose numbers can be set and read."""

    def __init__(
        self, units: int, dropout: float, classes: int, seed: int, mean: FloatArray, scale: FloatArray
    ) -> None:
        self.units, self.dropout, self.classes, self.seed = units, dropout, classes, seed
        self.mean, self.scale = mean, scale
        self.layers = head_layers(units, dropout, classes, seed, mean, scale)

    def __call__(self, pooled: Any) -> Any:
        for layer in self.layers:
            pooled = layer(pooled)
        return pooled

    def weights(self) -> HeadWeights:
        """The head's numbers now."""
        dense = {layer.name: tuple(layer.get_weights()) for layer in self.layers if layer.name in ("hidden", "logits")}
        return HeadWeights(self.mean, self.scale, dense.get("hidden"), dense["logits"])

    def set(self, numbers: HeadWeights) -> None:
        """Take over the layers' numbers; the standardisation was fixed when the head was made."""
        for layer in self.layers:
            if layer.name == "logits":
                layer.set_weights(list(numbers.linear))
            elif layer.name == "hidden" and numbers.hidden is not None:
                layer.set_weights(list(numbers.hidden))


def pool(tensor: Any, pooling: str) -> Any:
    """Average pooling over space in float32, joined with max pooling for "avgmax"."""
    from keras import ops

    exact = ops.cast(tensor, "float32")
    average = ops.mean(exact, axis=(1, 2))
    return ops.concatenate([average, ops.max(exact, axis=(1, 2))], axis=-1) if pooling == "avgmax" else average


@dataclass
class SuffixModel:
    """A suffix with its head in training: ``model`` maps features of the cut (or pixels) to logits.

    ``backbone_model`` holds the variables of the whole backbone, of which the suffix trains its part.
    """

    model: keras.Model
    backbone_model: keras.Model
    head: Head
    suffix_variables: list[Any]
    head_variables: list[Any]


def build_suffix(
    plugin: Backbone,
    candidate: Candidate,
    cuts: tuple[CutInfo, ...],
    spec: TrialSpec,
    head: Head,
    policy: str,
) -> SuffixModel:
    """A fresh model that trains everything after the trial's cut.

    A pre-trained suffix runs its BatchNorm in inference mode (its scale and shift are trained, its statistics are
    kept); from random values BatchNorm learns its statistics.
    """
    import keras

    pretrained = spec.weights is not None
    file = Path(candidate.weights_file) if pretrained and candidate.weights_file else None
    backbone_model = cut.build(plugin, spec.image_size, file, policy)
    part = cut.suffix(backbone_model, cuts, spec.freeze_depth)
    if part is None:
        raise ValueError("a trial with everything frozen has no suffix")
    if spec.freeze_depth == 0:
        x = keras.Input((spec.image_size, spec.image_size, 3), dtype="float32")
        y = plugin.preprocess(x)
    else:
        y = x = keras.Input(cuts[spec.freeze_depth - 1].shape, dtype="float32")
    y = in_inference_mode(part)(y) if pretrained else part(y)
    model = keras.Model(x, head(pool(y, spec.pooling)))
    ours = {id(v) for v in part.trainable_variables}
    return SuffixModel(
        model,
        backbone_model,
        head,
        [v for v in model.trainable_variables if id(v) in ours],
        [v for v in model.trainable_variables if id(v) not in ours],
    )


def in_inference_mode(part: keras.Model) -> keras.layers.Layer:
    """``part`` as a layer that runs it in inference mode while it is trained.

    ``part(x, training=False)`` alone would not do: when a functional model is called with ``training=True`` it
    hands that to everything inside, whatever was said when it was built.
    """
    import keras

    class InferenceMode(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.part = part

        def call(self, x: Any) -> Any:
            return self.part(x, training=False)

    return InferenceMode()


def export(
    plugin: Backbone,
    candidate: Candidate,
    cuts: tuple[CutInfo, ...],
    spec: TrialSpec,
    head: Head,
    backbone_weights: list[np.ndarray[Any, Any]] | None,
) -> keras.Model:
    """The model that ships: raw RGB 0..255 (N, S, S, 3) to class probabilities, everything in float32.

    ``backbone_weights`` are the trained weights of the backbone, None for those of the candidate's file.
    """
    import keras

    file = Path(candidate.weights_file) if candidate.weights_file else None
    backbone_model = cut.build(plugin, spec.image_size, file, "float32")
    if backbone_weights is not None:
        backbone_model.set_weights(backbone_weights)
    x = keras.Input((spec.image_size, spec.image_size, 3), dtype="float32", name="rgb")
    y = plugin.preprocess(x)
    if spec.tap:
        inner = cut.cut_tensor(backbone_model, cuts, spec.tap)
        tapped, last = keras.Model(backbone_model.input, [inner, backbone_model.output], name=spec.backbone)(
            y, training=False
        )
        pooled = keras.ops.concatenate([pool(tapped, spec.pooling), pool(last, spec.pooling)], axis=-1)
    else:
        pooled = pool(backbone_model(y, training=False), spec.pooling)
    fresh = Head(head.units, head.dropout, head.classes, head.seed, head.mean, head.scale)
    logits = fresh(pooled)
    fresh.set(head.weights())
    return keras.Model(x, keras.layers.Softmax(dtype="float32", name="probabilities")(logits))
