"""The model of one trial: a fresh suffix of the backbone with a head on top, and the whole model for export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.models import cuts as cut
from tlsearch.models.cuts import CutInfo
from tlsearch.plugins.api import Backbone
from tlsearch.types import Candidate, TrialSpec

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


def head_layers(units: int, dropout: float, classes: int, seed: int) -> list[Any]:
    """The layers of a head on standardised features: drop, an optional hidden layer, logits; in float32."""
    import keras

    layers: list[Any] = []
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


def standardisation_layer() -> keras.layers.Layer:
    """A layer that standardises by two variables, ``mean`` (0 at first) and ``scale`` (1), which are not trained.

    Keras' own ``Normalization`` takes them for constants of the graph, which would be traced anew for other images.
    """
    import keras

    class Standardise(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
        def build(self, shape: tuple[int | None, ...]) -> None:
            self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False, name="mean")
            self.scale = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False, name="scale")

        def call(self, x: Any) -> Any:
            return (x - self.mean) / self.scale

    return Standardise(dtype="float32", name="standardise")


class Head:
    """A head on pooled features, whose layers can be applied to symbolic ones and whose numbers can be set and read."""

    def __init__(self, units: int, dropout: float, classes: int, seed: int) -> None:
        self.units, self.dropout, self.classes, self.seed = units, dropout, classes, seed
        self._standardise = standardisation_layer()
        self._layers = head_layers(units, dropout, classes, seed)

    @classmethod
    def of(cls, numbers: HeadWeights, classes: int) -> Head:
        """A head without dropout, which only training has, of these numbers."""
        head = cls(0 if numbers.hidden is None else numbers.hidden[0].shape[1], 0.0, classes, 0)
        head(np.zeros((1, len(numbers.mean)), np.float32))
        head.set(numbers)
        return head

    def __call__(self, pooled: Any) -> Any:
        for layer in (self._standardise, *self._layers):
            pooled = layer(pooled)
        return pooled

    def weights(self) -> HeadWeights:
        """The head's numbers now."""
        mean, scale = self._standardise.get_weights()
        dense = {layer.name: tuple(layer.get_weights()) for layer in self._layers}
        return HeadWeights(mean, scale, dense.get("hidden"), dense["logits"])

    def set(self, numbers: HeadWeights) -> None:
        """Take over these numbers."""
        self._standardise.set_weights([numbers.mean, numbers.scale])
        _set_dense(self._layers, numbers)


def _set_dense(layers: list[Any], numbers: HeadWeights) -> None:
    for layer in layers:
        if layer.name == "logits":
            layer.set_weights(list(numbers.linear))
        elif layer.name == "hidden" and numbers.hidden is not None:
            layer.set_weights(list(numbers.hidden))


def _exported_head(head: Head, pooled: Any) -> Any:
    """Logits of ``head`` on symbolic features, by Keras' own layers alone."""
    import keras

    numbers = head.weights()
    variance = np.square(numbers.scale, dtype=np.float32)
    standardise = keras.layers.Normalization(mean=numbers.mean, variance=variance, dtype="float32", name="standardise")
    layers = head_layers(head.units, head.dropout, head.classes, head.seed)
    logits = standardise(pooled)
    for layer in layers:
        logits = layer(logits)
    _set_dense(layers, numbers)
    return logits


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
    if spec.skip_cut:
        inner = cut.cut_tensor(backbone_model, cuts, spec.skip_cut)
        tapped, last = keras.Model(backbone_model.input, [inner, backbone_model.output], name=spec.backbone)(
            y, training=False
        )
        pooled = keras.ops.concatenate([pool(tapped, spec.pooling), pool(last, spec.pooling)], axis=-1)
    else:
        pooled = pool(backbone_model(y, training=False), spec.pooling)
    logits = _exported_head(head, pooled)
    return keras.Model(x, keras.layers.Softmax(dtype="float32", name="probabilities")(logits))
