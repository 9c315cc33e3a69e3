"""BatchNorm's statistics taken anew on training images, for weights that have moved on since they were gathered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backend.private_api import all_layers
from tlsearch.types import AnyArray

if TYPE_CHECKING:
    import keras


class NormRenewal:
    """Replaces the running statistics of every BatchNorm of ``model`` by their plain average over batches."""

    def __init__(self, model: keras.Model) -> None:
        """Find the BatchNorm layers of ``model``."""
        import keras

        self._layers = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]

        class TrainingMode(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
            def __init__(self) -> None:
                super().__init__()
                self.model = model  # not only closed over: stateless backends must know its variables

            def call(self, x: Any) -> Any:
                return self.model(x, training=True)

        x = keras.Input(model.input.shape[1:])
        self._passes = keras.Model(x, TrainingMode()(x)) if self._layers else None

    def renew(self, batches: Iterable[AnyArray]) -> None:
        """Pass each of ``batches`` forward in training mode; nothing that is trained changes."""
        if self._passes is None:
            return
        momenta = [layer.momentum for layer in self._layers]
        gathered: list[list[Any]] = []
        try:
            for layer in self._layers:
                layer.momentum = 0.0  # the running statistics become those of the batch, which are averaged here
            for batch in batches:
                self._passes.predict_on_batch(batch)
                gathered.append([_statistics(layer) for layer in self._layers])
        finally:
            for layer, momentum in zip(self._layers, momenta, strict=True):
                layer.momentum = momentum
        for layer, *found in zip(self._layers, *gathered, strict=True):
            mean, variance = np.mean(found, axis=0)
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)


def _statistics(layer: keras.layers.BatchNormalization) -> list[Any]:
    from keras import ops

    return [ops.convert_to_numpy(layer.moving_mean), ops.convert_to_numpy(layer.moving_variance)]
