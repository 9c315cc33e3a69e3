"""Private names of Keras and TensorFlow: all that this project uses stand here, with the versions they were tested on.

A later version may have other names. What works without them does: where one is missing, the function says what it
gives instead. tests/backend/test_private_api.py fails where a name is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

TESTED_ON = {"keras": "3.15.1", "tensorflow": "2.21.0"}
"""The versions whose private names these are."""


def all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Give all layers of a model, those of models inside it too, in an order that is the same every time.

    Keras' public ``layers`` stops at the first level. (Keras: ``Layer._flatten_layers``.)
    """
    return list(model._flatten_layers(include_self=False))


def adam_moments(optimizer: keras.optimizers.Adam, variable: Any) -> tuple[Any, Any]:
    """Give the first and the second moment that Adam keeps of a variable.

    Keras' public ``variables`` does not say which belongs to which. (Keras: ``Optimizer._get_variable_index``,
    ``Adam._momentums``, ``Adam._velocities``.)
    """
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def custom_gradients() -> dict[str, Any]:
    """Give TensorFlow's register of gradients by name; an empty one with another backend, or where it has moved.

    TensorFlow has no call that removes an entry. (TensorFlow: ``ops.gradient_registry._registry``.)
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {}
    try:
        from tensorflow.python.framework import ops

        found: Any = ops.gradient_registry._registry
    except (ImportError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def calls_of(model: keras.Model) -> list[tuple[Any, list[Any], list[Any]]]:
    """Give what a functional model computes, in order: each operation with the tensors it takes and those it gives.

    An operation that is shared comes once for each of its calls. Keras' public ``get_config`` tells the same, for the
    price of serializing every layer. (Keras: ``Function._nodes_by_depth``, ``Sequential._functional``.)
    """
    by_depth = _graph_of(model)._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [(node.operation, list(node.input_tensors), list(node.output_tensors)) for node in nodes]


def has_graph(operation: Any) -> bool:
    """Whether an operation is a model of which ``calls_of`` gives what it computes: functional, or a sequential one.

    Other layers and models may hold layers, too, and call them as they like. (Keras: as for ``calls_of``.)
    """
    return hasattr(_graph_of(operation), "_nodes_by_depth")


def _graph_of(operation: Any) -> Any:
    """What has the nodes: of a sequential model the functional one inside it."""
    return getattr(operation, "_functional", operation)
