"""EfficientNet-Lite by its published tables: what each network is made of."""

from __future__ import annotations

import math
from typing import Any

import keras
import pytest

from tlsearch_plugins.backbones.efficientnet_lite import (
    EfficientNetLite0,
    EfficientNetLite1,
    EfficientNetLite2,
    scaled_filters,
)

STRIDES, KERNELS = (1, 2, 2, 2, 1, 2, 1), (3, 3, 5, 3, 5, 5, 3)
REPEATS = {0: (1, 2, 2, 3, 3, 4, 1), 1: (1, 3, 3, 4, 4, 5, 1), 2: (1, 3, 3, 4, 4, 5, 1)}
FILTERS = {
    0: (16, 24, 40, 80, 112, 192, 320),
    1: (16, 24, 40, 80, 112, 192, 320),
    2: (16, 24, 48, 88, 120, 208, 352),
}
"""Blocks and filters of the seven stages, scaled by hand: depth 1, 1.1 and 1.2, width 1, 1 and 1.1."""

PLUGINS = (EfficientNetLite0(), EfficientNetLite1(), EfficientNetLite2())
each_network = pytest.mark.parametrize(("number", "plugin"), list(enumerate(PLUGINS)), ids=[p.name for p in PLUGINS])

TOP = 1280 * 1000 + 1000
"""The layer of the 1,000 classes of ImageNet, which a backbone does not have."""


def parameters(number: int) -> int:
    """The trained parameters by hand: convolutions without bias, each with two values a channel of its BatchNorm."""
    count, inputs = 3 * 3 * 3 * 32 + 2 * 32, 32
    for stage, (repeat, filters) in enumerate(zip(REPEATS[number], FILTERS[number], strict=True)):
        for _ in range(repeat):
            inner = inputs * (6 if stage else 1)
            if stage:
                count += inputs * inner + 2 * inner
            count += KERNELS[stage] ** 2 * inner + 2 * inner
            count += inner * filters + 2 * filters
            inputs = filters
    return count + inputs * 1280 + 2 * 1280


@each_network
def test_the_number_of_parameters_is_the_published_one(number: int, plugin: Any) -> None:
    model = plugin.build(32, None)
    trained = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    assert trained == parameters(number)
    assert trained + TOP == (4_652_008, 5_416_680, 6_092_072)[number]


@each_network
def test_the_cut_points_are_stem_blocks_and_head(number: int, plugin: Any) -> None:
    model = plugin.build(64, None)
    cuts = plugin.cut_points(model)
    blocks = sum(REPEATS[number])
    assert [cut.name for cut in cuts] == ["stem", *(f"block {n}" for n in range(blocks)), "head"]
    assert len(cuts) == (18, 23, 23)[number]
    maps = [model.get_layer(cut.layer).output.shape[1:] for cut in cuts]
    expected, side = [(32, 32, 32)], 32
    for repeat, filters, stride in zip(REPEATS[number], FILTERS[number], STRIDES, strict=True):
        side //= stride
        expected += [(side, side, filters)] * repeat
    assert maps == [*expected, (2, 2, 1280)]
    # Before the four stages that halve the side, and at the end.
    ends = [n for n, cut in enumerate(cuts, 1) if cut.stage_end]
    assert ends == [[2, 4, 6, 12, 18], [2, 5, 8, 16, 23], [2, 5, 8, 16, 23]][number]


@each_network
def test_the_size_that_it_was_trained_with_and_its_output(number: int, plugin: Any) -> None:
    assert plugin.default_image_size == (224, 240, 260)[number]
    side = (7, 8, 9)[number]  # a thirty-second, rounded up
    assert plugin.build(plugin.default_image_size, None).output.shape[1:] == (side, side, 1280)


@each_network
def test_hints_freeze_three_stages_and_all_but_two_blocks_and_the_head(number: int, plugin: Any) -> None:
    cuts = 2 + sum(REPEATS[number])
    assert plugin.hints.freeze_middle == 1 + sum(REPEATS[number][:3])
    assert 0.3 < plugin.hints.freeze_middle / cuts < 0.5
    assert plugin.hints.freeze_late == cuts - 3


@pytest.mark.parametrize(
    ("filters", "width", "scaled"),
    [(24, 1.0, 24), (24, 1.1, 24), (40, 1.1, 48), (320, 1.1, 352), (12, 1.0, 16), (8, 0.5, 8)],
)
def test_filters_are_scaled_to_multiples_of_eight(filters: int, width: float, scaled: int) -> None:
    assert scaled_filters(filters, width) == scaled


def test_depthwise_convolutions_are_those_of_the_stages() -> None:
    model = EfficientNetLite2().build(32, None)
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.DepthwiseConv2D)]
    kernels = [kernel for kernel, repeat in zip(KERNELS, REPEATS[2], strict=True) for _ in range(repeat)]
    assert [layer.kernel_size[0] for layer in found] == kernels
    assert {layer.epsilon for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)} == {1e-3}
