"""Training steps with little around the arithmetic: many small ones in one call, and Adam's update in one pass.

TensorFlow offers both on a CPU. Any other backend, and a GPU, for which Keras compiles with XLA, trains as Keras does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.backend import is_tensorflow_on_cpu
from tlsearch.backend.private_api import adam_moments
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras


Steps = Callable[[Float32Array, Float32Array, Float32Array, Float32Array], Float32Array]
"""Trains a step on each of n batches and gives what was logged of each alone, (n, logs).

It gets the batches (n, size, ...), their targets (n, size, classes), the weights of their images (n, size) and what
``before_step`` gets, (n, k)."""


def make_steps(model: keras.Model, before_step: Callable[..., None], logged: tuple[str, ...], at_once: bool) -> Steps:
    """Make what trains a compiled model.

    Args:
        model: The model.
        before_step: Gets a row of numbers before each step.
        logged: The names of the loss and metrics to give.
        at_once: Whether all steps of a call are one call of TensorFlow: what lies between two calls takes as long as a
            step of a small head. The batches are in memory together then.
    """
    make = _steps_at_once if at_once and is_tensorflow_on_cpu() else _steps_in_turn
    return make(model, before_step, logged)


def _steps_in_turn(model: keras.Model, before_step: Callable[..., None], logged: tuple[str, ...]) -> Steps:
    def steps(x: Float32Array, y: Float32Array, weights: Float32Array, numbers: Float32Array) -> Float32Array:
        found = []
        for row, *batch in zip(numbers, x, y, weights, strict=True):
            before_step(*map(float, row))
            logs = model.train_on_batch(*batch, return_dict=True)
            found.append([float(logs[name]) for name in logged])
        return np.asarray(found, np.float32)

    return steps


def _steps_at_once(model: keras.Model, before_step: Callable[..., None], logged: tuple[str, ...]) -> Steps:
    import tensorflow as tf

    def loop(x: Any, y: Any, weights: Any, numbers: Any) -> Any:
        steps = tf.shape(x)[0]

        def step(i: Any, found: Any) -> Any:
            before_step(*tf.unstack(numbers[i]))
            logs = model.train_step((x[i], y[i], weights[i]))
            row = tf.stack([logs[name] for name in logged])
            model.reset_metrics()  # not before: in the first step the model does not know its metrics yet
            return i + 1, found.write(i, row)

        found = tf.TensorArray(tf.float32, steps, element_shape=(len(logged),))
        # One after the other: a step begins with the variables that the one before has left.
        return tf.while_loop(lambda i, _: i < steps, step, (0, found), parallel_iterations=1)[1].stack()

    @cache
    def graph(*shapes: tuple[int, ...]) -> Any:
        # Traced once for any number of steps.
        specs = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
        return tf.function(loop, input_signature=specs, autograph=False)

    def steps(*arrays: Float32Array) -> Float32Array:
        found: Float32Array = graph(*(array.shape[1:] for array in arrays))(*map(tf.constant, arrays)).numpy()
        return found

    return steps


def adamw(weight_decay: float, clip_norm: float) -> keras.optimizers.AdamW:
    """Make AdamW with a learning rate of 0 and gradients clipped at a global norm of ``clip_norm``."""
    import keras

    made = _one_pass_adamw() if is_tensorflow_on_cpu() else keras.optimizers.AdamW
    return made(0.0, weight_decay=weight_decay, global_clipnorm=clip_norm)


def _one_pass_adamw() -> type[keras.optimizers.AdamW]:
    """Keras' AdamW, decay and clipping and all, with TensorFlow's kernel for Adam's update (without AMSGrad).

    It is the same arithmetic in half the time, as Keras' dozen operations each pass over the variable and make an array
    of its size.
    """
    import keras
    import tensorflow as tf

    class OnePassAdamW(keras.optimizers.AdamW):  # type: ignore[misc]  # keras has no types
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if isinstance(gradient, tf.IndexedSlices):  # of a plugin's table, of which a batch uses a few rows
                super().update_step(gradient, variable, learning_rate)
                return
            first, second = adam_moments(self, variable)
            step = tf.cast(self.iterations + 1, variable.dtype)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.value.handle,
                v=second.value.handle,
                beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
                beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
                lr=tf.cast(learning_rate, variable.dtype),
                beta1=tf.cast(self.beta_1, variable.dtype),
                beta2=tf.cast(self.beta_2, variable.dtype),
                epsilon=tf.cast(self.epsilon, variable.dtype),
                grad=tf.cast(gradient, variable.dtype),
            )

    return OnePassAdamW
