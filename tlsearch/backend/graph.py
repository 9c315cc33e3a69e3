"""The graph of a functional Keras model: the output of an operation by name, its calls in order, what a call computes.

What is said here of operations holds for layers, which are operations too, and for those of ``keras.ops``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backend.private_api import calls_of

if TYPE_CHECKING:
    import keras


def operations_of(model: keras.Model) -> list[Any]:
    """Give the layers of a model and the operations of ``keras.ops`` in its graph, in order."""
    return list(getattr(model, "operations", model.layers))  # a Sequential has layers only


def output_of(model: keras.Model, name: str) -> Any:
    """Give the symbolic output of the operation of that name: of its first call, and a list where it gives several.

    Raises:
        ValueError: The model has no such operation.
    """
    # Not its attribute `output`, which of a functional model inside the model is a tensor of the graph inside.
    for operation, _, given in calls_of(model):
        if operation.name == name:
            return given[0] if len(given) == 1 else given
    raise ValueError(f"the model has no layer and no operation {name!r}")


def of_single_tensors(model: keras.Model) -> keras.Model:
    """Give a functional model from one tensor to one tensor.

    Many write ``keras.Model([x], [y])``. Of a model that takes or gives a list or a mapping of one tensor another one
    is made, of the same layers.

    Raises:
        ValueError: It has several inputs or outputs, or is no functional model.
    """
    import keras

    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not isinstance(model, keras.Model) or not isinstance(inputs, list) or not isinstance(outputs, list):
        raise ValueError(f"must be a functional Keras model, not a {type(model).__name__}")
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"must have one input and one output, not {len(inputs)} and {len(outputs)}")
    if getattr(model, "input", None) is inputs[0] and getattr(model, "output", None) is outputs[0]:
        return model  # a sequential one has neither before it is called
    return keras.Model(inputs[0], outputs[0], name=model.name)


def kernel_size_of(operation: Any) -> int:
    """Give the number of values in the kernels of an operation, which are its weights of two dimensions or more.

    For convolutions (grouped, depthwise and separable ones too) and dense layers, these are its multiply-adds for each
    position of its output.
    """
    weights = getattr(operation, "weights", ())
    return sum(_size(w.shape) for w in weights if len(w.shape) > 1)


def not_finite(model: keras.Model) -> str:
    """Give the path of the first weights of a model that are not all finite; empty where all are."""
    values = zip(model.weights, model.get_weights(), strict=True)
    return next((str(weights.path) for weights, found in values if not np.isfinite(found).all()), "")


def _size(shape: Any) -> int:
    size = 1
    for side in shape:
        size *= int(side)
    return size
