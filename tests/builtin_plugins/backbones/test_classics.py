"""AlexNet, ZFNet and GoogLeNet against what their papers say, counted by hand.

The kit has the rules for all networks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch_plugins.backbones.classics.alexnet import AlexNet, AlexNetOwt
from tlsearch_plugins.backbones.classics.convolve import convolve
from tlsearch_plugins.backbones.classics.googlenet import MODULES, GoogLeNet
from tlsearch_plugins.backbones.classics.googlenet_bn import GoogLeNetBN
from tlsearch_plugins.backbones.classics.imagenet import less_mean, torch_preprocess
from tlsearch_plugins.backbones.classics.local_response import normalise_responses
from tlsearch_plugins.backbones.classics.pooling import pool_down, pool_up
from tlsearch_plugins.backbones.classics.zfnet import ZFNet

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DENSE = (6 * 6 * 256 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000)
"""The three dense layers of AlexNet and ZFNet."""


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    """Each network at 224 pixels, built once."""
    plugins: list[Any] = [AlexNet(), AlexNetOwt(), ZFNet(), GoogLeNet(), GoogLeNetBN()]
    return {plugin.name: plugin.build(224, None) for plugin in plugins}


def shapes(model: Any, *layers: str) -> list[tuple[int, int]]:
    """Side and channels of the outputs of layers."""
    return [(model.get_layer(name).output.shape[1], model.get_layer(name).output.shape[3]) for name in layers]


def convolutions(model: Any) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def array(tensor: Any) -> Any:
    return keras.ops.convert_to_numpy(tensor)


def test_alexnet_is_that_of_2012(networks: dict[str, Any]) -> None:
    """Section 3.5: 55 x 55 x 96 behind the first layer; 253,440, 186,624, 64,896, 64,896 and 43,264 neurons."""
    model = networks["alexnet"]
    assert shapes(model, "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5") == [
        (55, 96), (27, 96), (27, 256), (13, 256), (13, 384), (13, 384), (13, 256), (6, 256),
    ]  # fmt: skip
    neurons = [side * side * channels for side, channels in shapes(model, "conv2", "conv3", "conv4", "conv5")]
    assert neurons == [186_624, 64_896, 64_896, 43_264]
    kernels = [tuple(layer.kernel.shape) for layer in convolutions(model)]
    assert kernels == [
        (11, 11, 3, 96),
        (5, 5, 48, 128), (5, 5, 48, 128),
        (3, 3, 256, 384),
        (3, 3, 192, 192), (3, 3, 192, 192),
        (3, 3, 192, 128), (3, 3, 192, 128),
    ]  # fmt: skip
    assert model.count_params() == 34_944 + 307_456 + 885_120 + 663_936 + 442_624 == 2_334_080
    assert model.count_params() + DENSE == 60_965_224  # "60 million parameters"
    order = [layer.name for layer in model.layers]
    for number in (1, 2):  # section 3.4: normalisation comes first, then the pool
        assert order.index(f"norm{number}") == order.index(f"pool{number}") - 1


def test_alexnet_in_one_column_is_that_of_the_published_weights(networks: dict[str, Any]) -> None:
    model = networks["alexnet_owt"]
    assert shapes(model, "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5") == [
        (55, 64), (27, 64), (27, 192), (13, 192), (13, 384), (13, 256), (13, 256), (6, 256),
    ]  # fmt: skip
    assert model.count_params() + DENSE == 61_100_840  # as torchvision says


def test_zfnet_is_that_of_figure_3(networks: dict[str, Any]) -> None:
    model = networks["zfnet"]
    assert shapes(model, "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5") == [
        (110, 96), (55, 96), (26, 256), (13, 256), (13, 384), (13, 384), (13, 256), (6, 256),
    ]  # fmt: skip
    assert [layer.strides[0] for layer in convolutions(model)] == [2, 2, 1, 1, 1]
    assert [tuple(layer.kernel.shape) for layer in convolutions(model)] == [
        (7, 7, 3, 96), (5, 5, 96, 256), (3, 3, 256, 384), (3, 3, 384, 384), (3, 3, 384, 256),
    ]  # fmt: skip
    assert model.count_params() == 14_208 + 614_656 + 885_120 + 1_327_488 + 884_992 == 3_726_464
    assert model.count_params() + DENSE == 62_357_608


TABLE_1 = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5b": 71}
"""The multiplications of each module in millions. Of 5a the table says 54 where its own filters make 51, and its column
of parameters is off for more of them."""


def test_googlenet_is_that_of_table_1(networks: dict[str, Any]) -> None:
    model = networks["googlenet"]
    assert shapes(model, "conv1", "pool1", "conv2_reduce", "conv2", "pool2") == [
        (112, 64), (56, 64), (56, 64), (56, 192), (28, 192),
    ]  # fmt: skip
    modules = [f"inception_{module}" for module in MODULES]
    assert shapes(model, *modules) == [
        (28, 256), (28, 480), (14, 512), (14, 512), (14, 512), (14, 528), (14, 832), (7, 832), (7, 1024),
    ]  # fmt: skip
    assert [filters.outputs for filters in MODULES.values()] == [width for _, width in shapes(model, *modules)]
    assert len(convolutions(model)) == 3 + 9 * 6
    for module, millions in TABLE_1.items():
        layers = [layer for layer in convolutions(model) if f"inception_{module}_" in layer.name]
        ours = sum(int(np.prod(layer.kernel.shape)) * layer.output.shape[1] ** 2 for layer in layers)
        assert ours / 1e6 == pytest.approx(millions, abs=0.7)
    stem = (7 * 7 * 3 * 64 + 64) + (64 * 64 + 64) + (3 * 3 * 64 * 192 + 192)
    assert stem == 124_416  # 9.4 thousand in its first layer, where the table says 2.7
    branches = [
        (inputs + 1) * (f.one + f.three_reduce + f.five_reduce + f.pool_proj)
        + (9 * f.three_reduce + 1) * f.three
        + (25 * f.five_reduce + 1) * f.five
        for inputs, f in zip((192, 256, 480, 512, 512, 512, 528, 832, 832), MODULES.values(), strict=True)
    ]
    assert model.count_params() == stem + sum(branches) == 5_973_552
    assert model.count_params() + 1024 * 1000 + 1000 == 6_998_552
    assert not [layer for layer in model.layers if "aux" in layer.name or "loss" in layer.name]


def test_googlenet_with_batchnorm_is_that_of_the_published_weights(networks: dict[str, Any]) -> None:
    model = networks["googlenet_bn"]
    assert shapes(model, "pool1", "pool2", "pool3", "pool4", "inception_5b") == [
        (56, 64), (28, 192), (14, 480), (7, 832), (7, 1024),
    ]  # fmt: skip
    trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trained + 1024 * 1000 + 1000 == 6_624_904  # as torchvision says
    five = [layer for layer in convolutions(model) if layer.name.endswith("_5x5_conv")]
    assert {tuple(layer.kernel.shape[:2]) for layer in five} == {(3, 3)}


def test_the_cut_points_are_the_convolutions_and_the_nine_modules(networks: dict[str, Any]) -> None:
    five = ["pool1", "pool2", "conv3", "conv4", "pool5"]
    eleven = ["stem 1", "stem 2", *(f"inception {module}" for module in MODULES)]
    expected: list[tuple[Any, list[str]]] = [
        (AlexNet(), five), (AlexNetOwt(), five), (ZFNet(), five), (GoogLeNet(), eleven), (GoogLeNetBN(), eleven),
    ]  # fmt: skip
    for plugin, names in expected:
        found = plugin.cut_points(networks[plugin.name])
        assert [cut.name for cut in found] == names
    stages: list[tuple[Any, list[int]]] = [
        (AlexNet(), [1, 2, 5]),
        (ZFNet(), [1, 2, 5]),
        (GoogLeNet(), [1, 2, 4, 9, 11]),
    ]
    for plugin, ends in stages:
        found = plugin.cut_points(networks[plugin.name])
        assert [number for number, cut in enumerate(found, 1) if cut.stage_end] == ends
        sides = [networks[plugin.name].get_layer(cut.layer).output.shape[1] for cut in found]
        drops = [
            number for number, (here, last) in enumerate(zip(sides, [999, *sides], strict=False), 1) if here < last
        ]
        assert set(drops) <= set(ends)  # what is stored is the small map, behind the pool


@pytest.mark.parametrize("plugin", [AlexNet(), AlexNetOwt(), ZFNet(), GoogLeNet(), GoogLeNetBN()], ids=lambda p: p.name)
def test_random_networks_keep_the_signal_alive(plugin: Any) -> None:
    keras.utils.set_random_seed(5)
    y, x = np.mgrid[0:64, 0:64] / 64
    waves = np.stack([127 + 100 * np.sin(9 * x + 4 * y), 127 + 100 * np.cos(14 * y), 255 * x * y], axis=-1)
    pictures = np.stack([np.roll(waves, 7 * i, axis=1) for i in range(8)]).astype("float32")
    features = array(plugin.build(64, None)(plugin.preprocess(pictures), training=True))
    assert 0.02 < features.std() < 50


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_local_response_normalisation_is_the_formula_of_the_paper(dtype: str) -> None:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75."""
    inputs = keras.Input((3, 4, 7), dtype=dtype)
    model = keras.Model(inputs, normalise_responses(inputs, "norm"))
    a = array(keras.ops.cast(np.random.default_rng(3).normal(0, 90, (2, 3, 4, 7)), dtype)).astype("float64")
    expected = np.empty_like(a)
    for i in range(7):
        near = range(max(0, i - 2), min(6, i + 2) + 1)
        expected[..., i] = a[..., i] / (2 + 1e-4 * sum(a[..., j] ** 2 for j in near)) ** 0.75
    result = model(keras.ops.cast(a, dtype))
    assert result.dtype == dtype
    np.testing.assert_allclose(array(result).astype("float64"), expected, rtol=1e-5 if dtype == "float32" else 8e-3)


LOAD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tlsearch", "tlsearch_plugins"):
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuse())
import keras, numpy as np
folder = sys.argv[1]
model = keras.models.load_model(f"{folder}/model.keras", safe_mode=True)
given = keras.ops.convert_to_numpy(model(np.load(f"{folder}/x.npy"), training=False))
np.testing.assert_allclose(given, np.load(f"{folder}/y.npy"), rtol=1e-4, atol=1e-4)
print("loaded")
"""


def test_a_saved_alexnet_is_loaded_without_tlsearch(tmp_path: Path) -> None:
    """It has all that is unusual: groups, local response normalisation and preprocessing."""
    keras.utils.set_random_seed(2)
    pixels = keras.Input((63, 63, 3))
    plugin = AlexNet()
    model = keras.Model(pixels, plugin.build(63, None)(plugin.preprocess(pixels), training=False))
    x = np.random.default_rng(1).uniform(0, 255, (2, 63, 63, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", array(model(x, training=False)))
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert "loaded" in done.stdout, done.stderr[-2000:]


def test_groups_are_those_of_a_grouped_convolution() -> None:
    """Each half of the filters sees its half of the channels."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5, 5, 6))
    model = keras.Model(inputs, convolve(inputs, 8, 3, "two", groups=2))
    one, other = convolutions(model)
    x = np.random.default_rng(2).normal(size=(3, 5, 5, 6)).astype("float32")
    expected = np.concatenate([array(one(x[..., :3])), array(other(x[..., 3:]))], axis=-1)
    np.testing.assert_allclose(array(model(x)), expected, rtol=1e-5, atol=1e-6)
    x[..., 3:] = 0
    assert np.ptp(array(model(x))[:, 1:4, 1:4, 4:]) == 0  # nothing of the first half reaches the second


@pytest.mark.parametrize("side", range(5, 13))
def test_pools_round_as_they_say(side: int) -> None:
    inputs = keras.Input((side, side, 1))
    down, up = keras.Model(inputs, pool_down(inputs, "down")), keras.Model(inputs, pool_up(inputs, "up"))
    x = np.random.default_rng(side).normal(size=(1, side, side, 1)).astype("float32")
    for model, size in ((down, (side - 3) // 2 + 1), (up, -(-(side - 3) // 2) + 1)):
        pooled = [[x[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() for j in range(size)] for i in range(size)]
        np.testing.assert_array_equal(array(model(x))[0, :, :, 0], pooled)


def test_preprocessings_are_what_they_say() -> None:
    pixel = np.array([124.0, 0.0, 255.0], "float32").reshape(1, 1, 1, 3)
    np.testing.assert_allclose(array(less_mean(pixel)).ravel(), [0.32, -116.779, 151.061], rtol=1e-5)
    expected = [(124 / 255 - 0.485) / 0.229, -0.456 / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(array(torch_preprocess(pixel)).ravel(), expected, rtol=1e-4, atol=1e-5)
    expected = [124 / 127.5 - 1, -1, 1]
    np.testing.assert_allclose(array(GoogLeNetBN().preprocess(pixel)).ravel(), expected, rtol=1e-5)
