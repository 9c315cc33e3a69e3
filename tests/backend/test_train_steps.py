"""Training as TensorFlow does it fastest on a CPU: the same as Keras' own way."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.backend import train_steps

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LOGGED = ("loss", "right")
SIZE, WIDTH, CLASSES = 8, 5, 3


def arrays(steps: int) -> tuple[Any, ...]:
    """Batches, targets, weights and learning rates of so many steps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps, SIZE, WIDTH))
    y = np.eye(CLASSES)[rng.integers(0, CLASSES, (steps, SIZE))]
    weights, rates = rng.uniform(0, 2, (steps, SIZE)), rng.uniform(0, 0.1, (steps, 1))
    return tuple(array.astype(np.float32) for array in (x, y, weights, rates))


def make_model() -> tuple[Any, Any]:
    """A model with dropout and BatchNorm, compiled, and the optimizer."""
    x = keras.Input((WIDTH,))
    y = keras.layers.BatchNormalization()(keras.layers.Dropout(0.3, seed=1)(x))
    model = keras.Model(x, keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.HeNormal(seed=2))(y))
    optimizer = train_steps.adamw(0.1, 1.0)
    optimizer.build(model.trainable_variables)
    right = keras.metrics.MeanMetricWrapper(keras.metrics.categorical_accuracy, name="right")
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True), metrics=[right])
    return model, optimizer


def train(parts: list[int], at_once: bool, traced: list[int] | None = None) -> tuple[Any, list[Any]]:
    """The logs and all variables after steps in calls of so many; ``traced`` gets an entry each time that Python sets
    the learning rate."""
    model, optimizer = make_model()

    def set_rate(rate: Any) -> None:
        if traced is not None:
            traced.append(1)
        optimizer.learning_rate = rate

    steps = train_steps.make_steps(model, set_rate, LOGGED, at_once)
    logs, start, data = [], 0, arrays(sum(parts))
    for count in parts:
        logs.append(steps(*(array[start : start + count] for array in data)))
        start += count
    return np.concatenate(logs), [keras.ops.convert_to_numpy(v) for v in (*model.variables, *optimizer.variables)]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others train step by step")
def test_steps_in_one_call_are_those_in_turn() -> None:
    (at_once, ours), (in_turn, theirs) = train([7], at_once=True), train([7], at_once=False)
    assert at_once.shape == (7, len(LOGGED))
    assert len(np.unique(at_once[:, 0])) == 7
    np.testing.assert_allclose(at_once, in_turn, rtol=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others train step by step")
def test_how_steps_are_divided_into_calls_changes_no_bit_and_is_traced_once() -> None:
    traced: list[int] = []
    (whole, ours), (divided, theirs) = train([9], at_once=True), train([4, 1, 4], at_once=True, traced=traced)
    np.testing.assert_array_equal(whole, divided)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(traced) == 1


def test_a_gpu_trains_as_keras_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.backend.hardware.has_gpu", lambda: True)
    assert type(train_steps.adamw(0.1, 1.0)) is keras.optimizers.AdamW
    traced: list[int] = []
    train([3], at_once=True, traced=traced)
    assert len(traced) == 3


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's kernel")
def test_one_pass_over_a_variable_is_keras_adamw() -> None:
    """Gradients that are clipped and others, with decay of all but what was left out."""
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (3,))]
    gradients = [[(scale * rng.normal(size=s.shape)).astype(np.float32) for s in starts] for scale in (3.0, 0.1, 1.0)]
    ends = []
    for optimizer in (
        train_steps.adamw(0.3, 1.0),
        keras.optimizers.AdamW(0.0, weight_decay=0.3, global_clipnorm=1.0),
    ):
        variables = [keras.Variable(start) for start in starts]
        optimizer.exclude_from_weight_decay(var_list=variables[1:])
        for step, given in enumerate(gradients):
            optimizer.learning_rate = 0.05 * (step + 1)
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in given], variables)
        ends.append([keras.ops.convert_to_numpy(v) for v in (*variables, *optimizer.variables)])
    assert type(train_steps.adamw(0.3, 1.0)) is not keras.optimizers.AdamW
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's kind of gradient")
def test_gradients_of_a_few_rows_are_taken_too() -> None:
    import tensorflow as tf

    table = keras.Variable(np.ones((4, 2), np.float32))
    optimizer = train_steps.adamw(0.0, 1.0)
    optimizer.build([table])
    optimizer.learning_rate = 0.1
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 2]))
    optimizer.apply([tape.gradient(loss, table.value)], [table])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(table)[[0, 3]], 1.0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(table)[[1, 2]], 0.9, rtol=1e-3)
