"""A network for larger squares: the same layers and variables, and a feature map with more places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


def at_side(model: keras.Model, side: int) -> keras.Model:
    """Give a network for squares of another side. It shares the layers and variables of ``model``.

    A network of convolutions whose features are pooled takes squares of every side. One that knows how many places
    there are, such as one with flattened features or with embeddings of positions, takes its own alone.

    Args:
        model: RGB (N, S, S, 3) to probabilities (N, classes).
        side: Pixels.

    Raises:
        ValueError: The network is bound to its side.
    """
    try:
        found = _resized(model, (side, side, 3))
        answer = found(np.zeros((1, side, side, 3), np.float32), training=False)
    except Exception as error:  # layers raise many kinds for a shape that they do not take
        raise ValueError(f"it takes squares of {model.input_shape[1]} pixels alone") from error
    # A reshape to a fixed length makes several rows of one picture, and says nothing.
    if tuple(answer.shape) != (1, int(model.output_shape[-1])):
        raise ValueError(f"it takes squares of {model.input_shape[1]} pixels alone")
    return found


def _resized(model: keras.Model, shape: tuple[int, ...]) -> keras.Model:
    """The network for inputs of another shape, and in it every network that is called."""
    import keras

    def call(operation: Any, *given: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Model):
            operation = _resized(operation, tuple(given[0].shape[1:]))
        return operation(*given, **options)

    entry = keras.Input(shape, dtype=model.inputs[0].dtype)
    inputs = [entry] if isinstance(model.input, list) else entry
    return keras.models.clone_model(model, inputs, clone_function=lambda operation: operation, call_function=call)
