"""The head of a network: what maps pooled features to the logits of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class HeadWeights:
    """The numbers of a head on pooled features x of width d.

    Attributes:
        mean: Shape (d,); features are standardised as (x - mean) / scale.
        scale: Shape (d,).
        hidden: Kernel (in, out) and bias of the hidden layer with ReLU; None for a linear head.
        linear: Kernel and bias of the layer that gives logits.
    """

    mean: Float32Array
    scale: Float32Array
    hidden: tuple[Float32Array, Float32Array] | None
    linear: tuple[Float32Array, Float32Array]


class Head:
    """A head whose layers can be applied to symbolic features and whose numbers can be set and read."""

    def __init__(self, units: int, dropout: float, classes: int, seed: int) -> None:
        """Make a head with a hidden layer of ``units``, 0 for none."""
        self.units, self.dropout, self.classes, self.seed = units, dropout, classes, seed
        self._standardise = _standardisation_layer()
        self._layers = _head_layers(units, dropout, classes, seed)

    @classmethod
    def of(cls, numbers: HeadWeights, classes: int) -> Head:
        """Make a head of these numbers, without dropout, which only training has."""
        head = cls(0 if numbers.hidden is None else numbers.hidden[0].shape[1], 0.0, classes, 0)
        head(np.zeros((1, len(numbers.mean)), np.float32))
        head.set(numbers)
        return head

    def __call__(self, pooled: Any) -> Any:
        """Give the logits of pooled features."""
        for layer in (self._standardise, *self._layers):
            pooled = layer(pooled)
        return pooled

    def weights(self) -> HeadWeights:
        """Give the head's numbers now."""
        mean, scale = self._standardise.get_weights()
        dense = {layer.name: tuple(layer.get_weights()) for layer in self._layers}
        return HeadWeights(mean=mean, scale=scale, hidden=dense.get("hidden"), linear=dense["logits"])

    def set(self, numbers: HeadWeights) -> None:
        """Take over these numbers."""
        self._standardise.set_weights([numbers.mean, numbers.scale])
        _set_dense(self._layers, numbers)

    def exported(self, pooled: Any) -> Any:
        """Give the logits of symbolic features by layers of Keras' own alone."""
        import keras

        numbers = self.weights()
        variance = np.square(numbers.scale, dtype=np.float32)
        logits = keras.layers.Normalization(mean=numbers.mean, variance=variance, dtype="float32", name="standardise")(
            pooled
        )
        layers = _head_layers(self.units, self.dropout, self.classes, self.seed)
        for layer in layers:
            logits = layer(logits)
        _set_dense(layers, numbers)
        return logits


def save_head(file: Path, head: Head) -> None:
    """Write the numbers of a head; the folder of ``file`` is made where it is missing."""
    numbers = head.weights()
    arrays = {"mean": numbers.mean, "scale": numbers.scale, "kernel": numbers.linear[0], "bias": numbers.linear[1]}
    if numbers.hidden is not None:
        arrays |= {"hidden_kernel": numbers.hidden[0], "hidden_bias": numbers.hidden[1]}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stub takes no mapping


def load_head(file: Path, classes: int) -> Head:
    """Read a head that was saved."""
    with np.load(file, allow_pickle=False) as saved:
        hidden = (saved["hidden_kernel"], saved["hidden_bias"]) if "hidden_kernel" in saved else None
        return Head.of(
            HeadWeights(
                mean=saved["mean"], scale=saved["scale"], hidden=hidden, linear=(saved["kernel"], saved["bias"])
            ),
            classes,
        )


def _head_layers(units: int, dropout: float, classes: int, seed: int) -> list[Any]:
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


def _standardisation_layer() -> keras.layers.Layer:
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


def _set_dense(layers: list[Any], numbers: HeadWeights) -> None:
    for layer in layers:
        if layer.name == "logits":
            layer.set_weights(list(numbers.linear))
        elif layer.name == "hidden" and numbers.hidden is not None:
            layer.set_weights(list(numbers.hidden))
