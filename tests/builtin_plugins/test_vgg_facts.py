"""VGG16 and VGG19 against what their paper says (Simonyan & Zisserman 2015, table 1, configurations D and E)."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from tlsearch_plugins.backbones.vgg import VGG16, VGG19

WIDTHS = (64, 128, 256, 512, 512)
DENSE = (4096, 4096, 1000)


@pytest.fixture(scope="module", params=[(VGG16(), (2, 2, 3, 3, 3)), (VGG19(), (2, 2, 4, 4, 4))], ids=["16", "19"])
def network(request: pytest.FixtureRequest) -> tuple[Any, tuple[int, ...]]:
    """The network at 224 pixels, and the convolutions in each of its five blocks."""
    plugin, convolutions = request.param
    return plugin.build(224, None), convolutions


def of_kind(model: Any, kind: type) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_there_are_16_and_19_layers_with_weights(network: tuple[Any, tuple[int, ...]]) -> None:
    model, convolutions = network
    with_weights = [layer for layer in model.layers if layer.weights]
    assert with_weights == of_kind(model, keras.layers.Conv2D)
    assert len(with_weights) == sum(convolutions)
    assert len(with_weights) + len(DENSE) == {13: 16, 16: 19}[sum(convolutions)]


def test_windows_are_small_and_keep_the_size(network: tuple[Any, tuple[int, ...]]) -> None:
    for layer in of_kind(network[0], keras.layers.Conv2D):
        assert (layer.kernel_size, layer.strides, layer.padding) == ((3, 3), (1, 1), "same")
        assert layer.activation is keras.activations.relu
        assert layer.output.shape[1:3] == layer.input.shape[1:3]


def test_five_pools_halve_the_map_and_filters_double(network: tuple[Any, tuple[int, ...]]) -> None:
    model, convolutions = network
    pools = of_kind(model, keras.layers.MaxPooling2D)
    assert [(p.pool_size, p.strides, p.padding) for p in pools] == [((2, 2), (2, 2), "valid")] * 5
    assert [pool.output.shape[1:] for pool in pools] == [
        (side, side, width) for side, width in zip((112, 56, 28, 14, 7), WIDTHS, strict=True)
    ]
    widths = [layer.filters for layer in of_kind(model, keras.layers.Conv2D)]
    assert widths == [width for width, count in zip(WIDTHS, convolutions, strict=True) for _ in range(count)]


def test_the_parameters_are_138_and_144_million_with_the_dense_layers(network: tuple[Any, tuple[int, ...]]) -> None:
    """The dense layers are counted, not made: they are nine tenths of the network."""
    model, convolutions = network
    inputs, by_hand = 3, 0
    for width, count in zip(WIDTHS, convolutions, strict=True):
        for _ in range(count):
            by_hand += (3 * 3 * inputs + 1) * width
            inputs = width
    assert model.count_params() == by_hand
    values = int(keras.ops.prod(model.output.shape[1:]))
    assert values == 7 * 7 * 512
    for units in DENSE:
        by_hand += (values + 1) * units
        values = units
    assert by_hand == {13: 138_357_544, 16: 143_667_240}[sum(convolutions)]


def test_the_first_15_layers_of_vgg16_end_with_block4_pool() -> None:
    """Keras counts the input and the pools: freezing ``model.layers[:15]`` freezes blocks 1 to 4, 10 cut points."""
    plugin = VGG16()
    model = plugin.build(32, None)
    first = model.layers[:15]
    assert isinstance(first[0], keras.layers.InputLayer)
    assert first[-1].name == "block4_pool"
    cuts = plugin.cut_points(model)
    assert [number for number, cut in enumerate(cuts, start=1) if cut.layer == "block4_pool"] == [10]
    assert sum(bool(layer.weights) for layer in first) == 10
    assert [layer.name for layer in model.layers[15:]] == [
        "block5_conv1", "block5_conv2", "block5_conv3", "block5_pool",
    ]  # fmt: skip
