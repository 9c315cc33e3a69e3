"""Gradients of a model's output with respect to what goes into it, with whatever backend Keras computes with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras


def pull_back(model: keras.Model, inputs: Sequence[Float32Array], weights: Float32Array) -> list[Float32Array]:
    """Take the weights of outputs back to the inputs: the gradient of the weighted sum of a model's outputs.

    It is the product of ``weights`` with the Jacobian of the model, in inference mode.

    Args:
        model: Has one output.
        inputs: An array for each input of the model, all with N rows.
        weights: One number for each output, of the output's shape.

    Returns:
        An array for each input, of its shape. It is 0 where the output does not depend on the input.
    """
    import keras

    backend = keras.backend.backend()
    back = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    found = back(model, [np.asarray(x, np.float32) for x in inputs], np.asarray(weights, np.float32))
    return [np.asarray(keras.ops.convert_to_numpy(x), np.float32) for x in found]


def _as_input(tensors: Sequence[Any]) -> Any:
    """What a model is called with: a list where it has several inputs."""
    return list(tensors) if len(tensors) > 1 else tensors[0]


def _tensorflow(model: keras.Model, inputs: Sequence[Float32Array], weights: Float32Array) -> Sequence[Any]:
    import tensorflow as tf

    tensors = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = model(_as_input(tensors), training=False)
    zero = tf.UnconnectedGradients.ZERO
    found: Sequence[Any] = tape.gradient(output, tensors, tf.constant(weights), unconnected_gradients=zero)
    return found


def _jax(model: keras.Model, inputs: Sequence[Float32Array], weights: Float32Array) -> Sequence[Any]:
    import jax

    trained, others = ([v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables))

    def forward(*tensors: Any) -> Any:
        return model.stateless_call(trained, others, _as_input(tensors), training=False)[0]

    found: Sequence[Any] = jax.vjp(forward, *inputs)[1](weights)
    return found


def _torch(model: keras.Model, inputs: Sequence[Float32Array], weights: Float32Array) -> Sequence[Any]:
    import keras
    import torch

    tensors = [keras.ops.convert_to_tensor(x).requires_grad_(True) for x in inputs]
    output = model(_as_input(tensors), training=False)
    goal = keras.ops.convert_to_tensor(weights)
    found = torch.autograd.grad(output, tensors, goal, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, tensors, strict=True)]
