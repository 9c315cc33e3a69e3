"""VGG16 and VGG19 against what their paper says (Simonyan & Zisserman 2015, table 1, configurations D and E)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import pytest

from tlsearch_plugins.backbones.vgg import VGG16, VGG19

PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "recipes.md").read_text(encoding="utf-8")
WIDTHS = (64, 128, 256, 512, 512)
DENSE = (4096, 4096, 1000)


_built: dict[str, Any] = {}


def built(plugin: Any) -> Any:
    """The network at 224 pixels, made once."""
    if plugin.name not in _built:
        _built[plugin.name] = plugin.build(224, None)
    return _built[plugin.name]


@pytest.fixture(scope="module", params=[(VGG16(), (2, 2, 3, 3, 3)), (VGG19(), (2, 2, 4, 4, 4))], ids=["16", "19"])
def network(request: pytest.FixtureRequest) -> tuple[Any, tuple[int, ...]]:
    """The network at 224 pixels, and the convolutions in each of its five blocks."""
    plugin, convolutions = request.param
    return built(plugin), convolutions


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
    model = built(VGG16())
    first = model.layers[:15]
    assert isinstance(first[0], keras.layers.InputLayer)
    assert first[-1].name == "block4_pool"
    cuts = VGG16().cut_points(model)
    assert [number for number, cut in enumerate(cuts, start=1) if cut.layer == "block4_pool"] == [10]
    assert sum(bool(layer.weights) for layer in first) == 10
    assert [layer.name for layer in model.layers[15:]] == [
        "block5_conv1", "block5_conv2", "block5_conv3", "block5_pool",
    ]  # fmt: skip


def test_the_table_of_recipes_says_which_cut_point_the_first_layers_of_keras_end_with() -> None:
    model = built(VGG16())
    cuts = [cut.layer for cut in VGG16().cut_points(model)]
    rows = re.findall(r"^\| `layers\[:(\d+)\]` \|.*\| (\d+) \| `(\w+)`", PAGE, re.MULTILINE)
    assert [int(layers) for layers, _, _ in rows] == [4, 7, 11, 15, 19]
    for layers, number, name in rows:
        assert model.layers[int(layers) - 1].name == name
        assert cuts[int(number) - 1] == name
    assert "freezes 7 cut points" in PAGE
    assert cuts[6] == "block3_pool"
