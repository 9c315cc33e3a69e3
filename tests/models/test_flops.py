"""The work of a layer: operations counted by hand."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from tlsearch.models.flops import OPERATIONS_PER_VALUE, Work, layer_work
from tlsearch.models.partition import arithmetic_share

LAYERS: list[tuple[Any, int, int]] = [
    # a layer on (8, 8, 4), its multiply-adds, the values it gives
    (keras.layers.Conv2D(6, 3, padding="same"), 8 * 8 * 6 * 3 * 3 * 4, 8 * 8 * 6),
    (keras.layers.Conv2D(6, 3, strides=2), 3 * 3 * 6 * 3 * 3 * 4, 3 * 3 * 6),
    (keras.layers.Conv2D(6, 1, groups=2), 8 * 8 * 6 * 2, 8 * 8 * 6),
    (keras.layers.DepthwiseConv2D(5, padding="same"), 8 * 8 * 4 * 5 * 5, 8 * 8 * 4),
    (keras.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 8 * 8 * 8 * 3 * 3, 8 * 8 * 8),
    (keras.layers.BatchNormalization(), 0, 8 * 8 * 4),
    (keras.layers.MaxPooling2D(), 0, 4 * 4 * 4),
]


@pytest.mark.parametrize(("layer", "multiply_adds", "values"), LAYERS)
def test_convolutions_are_counted_exactly_and_others_by_their_output(
    layer: Any, multiply_adds: int, values: int
) -> None:
    layer(keras.Input((8, 8, 4)))
    assert layer_work(layer) == Work(2.0 * multiply_adds, OPERATIONS_PER_VALUE * values)


def test_a_dense_layer_is_its_kernel() -> None:
    dense = keras.layers.Dense(7)
    dense(keras.Input((5,)))
    assert layer_work(dense) == Work(2.0 * 5 * 7, OPERATIONS_PER_VALUE * 7)


def test_a_layer_that_was_never_called_costs_nothing() -> None:
    assert layer_work(keras.layers.Conv2D(3, 3)) == Work()


class Block(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Keeps its layers under the name that a model has for its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [keras.layers.Conv2D(6, 3, padding="same") for _ in range(2)]

    def build(self, shape: Any) -> None:
        for layer in self.layers:
            layer.build(shape)
            shape = (*shape[:-1], 6)

    def call(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def test_a_layer_that_holds_others_is_counted_by_its_kernels_and_a_model_by_its_layers() -> None:
    block, x = Block(), keras.Input((8, 8, 4))
    block(x)
    kernels = 2.0 * 8 * 8 * 6 * 3 * 3 * (4 + 6)
    assert layer_work(block) == Work(kernels, OPERATIONS_PER_VALUE * 8 * 8 * 6)
    inner = keras.Sequential([keras.Input((8, 8, 4)), *(keras.layers.Conv2D(6, 3, padding="same") for _ in range(2))])
    assert layer_work(inner).arithmetic == kernels


def test_work_adds_up() -> None:
    total = Work(1.0, 2.0) + Work(10.0, 20.0)
    assert total == Work(11.0, 22.0)
    assert total.total == 33.0


def test_large_kernels_are_bound_by_arithmetic_and_depthwise_ones_are_not() -> None:
    x = keras.Input((8, 8, 64))
    dense = keras.Model(x, keras.layers.Conv2D(64, 3, padding="same")(x))
    thin = keras.Model(x, keras.layers.DepthwiseConv2D(3, padding="same")(x))
    # the input counts as memory: (2 * 9 * 64) / (2 * 9 * 64 + 60 + 60) and 18 / (18 + 60 + 60), a value
    assert arithmetic_share(dense) == pytest.approx(1152 / (1152 + 120))
    assert arithmetic_share(thin) == pytest.approx(18 / (18 + 120))
