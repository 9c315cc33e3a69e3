"""Cut points of small graphs, found by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import ops

from tlsearch.backend.graph import kernel_size_of, output_of
from tlsearch.plugins.keras_cuts import MOST_CUTS, find_cuts
from tlsearch.plugins.keras_names import common_beginning, is_numbered, number_afresh

L: Any = keras.layers

Build = Callable[[Any], Any]


def conv(name: str, width: int = 8, **options: Any) -> Any:
    return L.Conv2D(width, 3, padding="same", name=name, **options)


def cuts_of(build: Build, size: int = 32) -> list[str]:
    """The names of the cut points, with a bar behind those that end a stage."""
    x = keras.Input((size, size, 3))
    model = keras.Model(x, build(x))
    number_afresh(model)
    cuts = find_cuts(model)
    for cut in cuts[:-1]:
        keras.Model(output_of(model, cut.layer), model.output)  # raises where another path leads around
    return [cut.name + "|" * cut.stage_end for cut in cuts]


def residual(x: Any) -> Any:
    x = conv("in")(x)
    y = conv("a")(x)
    y = conv("b")(y)
    return conv("out")(L.Add(name="join")([x, y]))


def with_operations(x: Any) -> Any:
    x = conv("stem")(x)
    x = x + conv("block_1_a")(conv("block_1_b")(x))
    x = ops.relu(x + conv("block_2_a")(conv("block_2_b")(x)))
    return x * 2.0


def concatenated(x: Any) -> Any:
    x = conv("in")(x)
    branches = [conv(f"branch{n}", 2 * n)(x) for n in (1, 2, 3)]
    return conv("out")(L.Concatenate(name="join")(branches))


def squeezed(x: Any) -> Any:
    x = conv("in")(x)
    y = conv("wide", 32)(x)
    gate = L.Dense(32, activation="sigmoid", name="gate")(L.GlobalAveragePooling2D(keepdims=True)(y))
    y = L.Multiply(name="gated")([y, gate])
    return L.Add(name="join")([x, conv("narrow")(y)])


def shared(x: Any) -> Any:
    twice = conv("twice")
    x = conv("in")(x)
    x = twice(twice(x))
    return conv("out")(x)


def nested_sequential(x: Any) -> Any:
    stem = keras.Sequential([conv("inner1", strides=2), conv("inner2", strides=2)], name="stem")
    return conv("out")(stem(x))


def nested_functional(x: Any) -> Any:
    inside = keras.Input((32, 32, 3))
    inner = keras.Model(inside, residual(inside), name="inner")
    return conv("last")(inner(x))


def attention(x: Any) -> Any:
    x = conv("in", strides=4)(x)
    tokens = L.Reshape((64, 8), name="tokens")(x)
    y = L.MultiHeadAttention(2, 4, name="attend")(tokens, tokens)
    tokens = L.Add(name="join")([tokens, y])
    return conv("out")(L.Reshape((8, 8, 8), name="map")(tokens))


def long_way_around(x: Any) -> Any:
    x = conv("in")(x)
    y = conv("a")(x)
    z = conv("b")(y)
    return L.Add(name="out")([x, conv("c")(L.Add(name="inner")([y, z]))])


def scaled_and_padded(x: Any) -> Any:
    x = L.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = L.BatchNormalization(name="a_norm")(conv("a")(x))
    x = L.ZeroPadding2D(name="a_pad")(L.ReLU(name="a_relu")(x))
    x = L.Conv2D(8, 3, strides=2, name="b")(x)
    return L.MaxPooling2D(name="b_pool")(L.Dropout(0.5, name="b_drop")(x))


class Tied(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A convolution by the kernel of another layer."""

    def __init__(self, tied: Any, **options: Any) -> None:
        super().__init__(**options)
        self.tied = tied

    def call(self, x: Any) -> Any:
        return ops.conv(x, self.tied.kernel, padding="same")


def tied(x: Any) -> Any:
    first = conv("first")
    x = first(conv("in")(x))
    x = Tied(first, name="again")(conv("between")(x))
    return conv("out")(x)


def pooled_by_operations(x: Any) -> Any:
    x = ops.max_pool(conv("a")(x), 2)
    return conv("c")(ops.average_pool(conv("b")(x), 2))


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (tied, ["in", "again", "out|"]),
        (pooled_by_operations, ["a|", "b|", "c|"]),
        (residual, ["in", "join", "out|"]),
        (with_operations, ["stem", "block_1", "block_2|"]),
        (concatenated, ["in", "join", "out|"]),
        (squeezed, ["in", "join|"]),
        (shared, ["in", "out|"]),
        (nested_sequential, ["stem", "out|"]),
        (nested_functional, ["inner", "last|"]),
        (attention, ["in", "map", "out|"]),
        (long_way_around, ["in", "out|"]),
        (scaled_and_padded, ["a_relu|", "b_pool|"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_cuts_are_where_the_graph_passes_through_one_map(build: Build, expected: list[str]) -> None:
    assert cuts_of(build) == expected


def test_a_stage_ends_before_its_features_are_widened() -> None:
    def inverted(x: Any) -> Any:
        x = conv("stem", 8, strides=2)(x)
        for block in (1, 2):
            x = L.Conv2D(48, 1, name=f"block{block}_expand")(x)
            x = L.DepthwiseConv2D(3, strides=2, padding="same", name=f"block{block}_filter")(x)
            x = L.Conv2D(12, 1, name=f"block{block}_project")(x)
        return x

    assert cuts_of(inverted) == ["stem|", "block1_project|", "block2_project|"]


def test_of_many_cuts_the_ends_of_stages_stay_and_neighbours_differ_in_work() -> None:
    def long(x: Any) -> Any:
        for stage in range(4):
            for number in range(20):
                x = conv(f"s{stage}_{number}", 8, strides=2 if number == 0 and stage else 1)(x)
        return x

    cuts = cuts_of(long)
    assert 12 <= len(cuts) <= MOST_CUTS
    assert next(name for name in cuts if name.endswith("|")) == "s0_19|"
    # the later stages do a fourth, a 16th and a 64th of the work: they have fewer cut points
    assert sum(name.startswith("s0") for name in cuts) > sum(name.startswith("s1") for name in cuts) > 0


@pytest.mark.parametrize(
    "build",
    [
        lambda x: L.GlobalAveragePooling2D()(conv("a")(x)),
        lambda x: L.Rescaling(2.0)(x),
        lambda x: [conv("a")(x), conv("b")(x)],
    ],
)
def test_a_model_without_a_map_at_its_end_is_refused(build: Build) -> None:
    with pytest.raises(ValueError, match="one feature map"):
        cuts_of(build)


def test_a_model_that_ends_with_a_layer_that_is_called_before_says_so() -> None:
    def again(x: Any) -> Any:
        twice = conv("twice")
        return twice(twice(conv("in")(x)))

    with pytest.raises(ValueError, match="its last layer 'twice' is called before, too: end it with a layer"):
        cuts_of(again)


def test_a_model_may_end_with_padding() -> None:
    assert cuts_of(lambda x: L.ZeroPadding2D(name="pad")(conv("b")(conv("a")(x)))) == ["a", "pad|"]


def test_numbers_begin_at_zero_in_every_build() -> None:
    def build() -> Any:
        x = keras.Input((8, 8, 3))
        y = L.Conv2D(4, 1)(x)
        y = y + L.Conv2D(4, 1)(y)
        return keras.Model(x, L.Conv2D(4, 1, name="conv2d_90001")(L.ReLU(name="mine")(y)))

    models = [build() for _ in range(2)]
    for model in models:
        number_afresh(model)
    names = [[operation.name for operation in model.operations[1:]] for model in models]
    assert names[0] == names[1] == ["conv2d_0", "conv2d_1", "add_0", "mine", "conv2d_2"]


@pytest.mark.parametrize(
    ("name", "expected"), [("batch_normalization_12", True), ("batch_normalization", True), ("b1", False)]
)
def test_what_keras_has_numbered_is_known(name: str, expected: bool) -> None:
    assert is_numbered(L.BatchNormalization(name=name)) == expected


def test_a_common_beginning_ends_with_a_whole_word() -> None:
    assert common_beginning(["stage_0_block_1_conv", "stage_0_block_1_gelu"]) == "stage_0_block_1"
    assert common_beginning(["block1_conv", "block10_conv"]) == ""
    assert common_beginning([]) == ""


@pytest.mark.parametrize(
    ("layer", "multiply_adds"),
    [
        (L.Conv2D(6, 3), 3 * 3 * 4 * 6),
        (L.Conv2D(6, 3, groups=2), 3 * 3 * 2 * 6),
        (L.DepthwiseConv2D(5), 5 * 5 * 4),
        (L.SeparableConv2D(6, 3), 3 * 3 * 4 + 4 * 6),
        (L.Dense(7), 4 * 7),
        (L.BatchNormalization(), 0),
    ],
)
def test_kernels_are_the_multiply_adds_at_each_position(layer: Any, multiply_adds: int) -> None:
    layer(keras.Input((8, 8, 4)))
    assert kernel_size_of(layer) == multiply_adds
