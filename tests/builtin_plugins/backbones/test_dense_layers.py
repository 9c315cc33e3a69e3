"""VGG and AlexNet with their dense layers, as convolutions: the same numbers as published."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.testing.backbone import CHECKS
from tlsearch.testing.outcome import run_checks
from tlsearch_plugins.backbones.classics.alexnet import AlexNetOwtFC
from tlsearch_plugins.backbones.vgg_fc import VGG16FC, VGG19FC

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYERS = keras.layers


class Narrow(VGG16FC):
    """VGG16 with its dense layers, of layers with the same names, of a thirtieth of their width."""

    units = 12

    def blocks(self, image_size: int) -> Any:
        inputs = x = keras.Input((image_size, image_size, 3))
        for block, count in enumerate(self.convolutions, start=1):
            for number in range(1, count + 1):
                name = f"block{block}_conv{number}"
                x = LAYERS.Conv2D(2 + 2 * block, 3, padding="same", activation="relu", name=name)(x)
            x = LAYERS.MaxPooling2D(2, name=f"block{block}_pool")(x)
        return keras.Model(inputs, x)


class NarrowAlexNet(AlexNetOwtFC):
    units = 12


def outputs(model: Any, x: Any) -> Any:
    return keras.ops.convert_to_numpy(model(x, training=False))


@cache
def pixels(side: int) -> Any:
    return np.random.default_rng(3).normal(0, 60, (2, side, side, 3)).astype("float32")


@pytest.mark.parametrize("plugin", [Narrow(), NarrowAlexNet()], ids=lambda plugin: plugin.name)
def test_the_dense_layers_are_cut_points(plugin: Any) -> None:
    model = plugin.build(256, None)
    cuts = plugin.cut_points(model)
    assert [cut.name for cut in cuts[-2:]] == (["fc1", "fc2"] if isinstance(plugin, Narrow) else ["fc6", "fc7"])
    assert model.get_layer(cuts[-1].layer).output is model.output
    assert cuts[-1].stage_end
    whole = outputs(model, pixels(256))
    assert whole.std() > 0
    for cut in cuts[-3:-1]:
        tensor = model.get_layer(cut.layer).output
        part = outputs(keras.Model(model.input, tensor), pixels(256))
        np.testing.assert_allclose(outputs(keras.Model(tensor, model.output), part), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("plugin", [Narrow(), NarrowAlexNet()], ids=lambda plugin: plugin.name)
def test_they_keep_the_contract(plugin: Any) -> None:
    wanted = (
        "keeps the contract",
        "a network is built",
        "cut points are single tensors in order",
        "pictures go through the network",
        "training hints lie within the cut points",
        "any image size from the minimum on",
        "a foreign weights file is a ValueError",
        "saved weights can be loaded",
        "gradients reach everything after the cut",
    )
    results = run_checks({name: CHECKS[name] for name in wanted}, plugin)
    assert [result for result in results if result.status != "passed"] == []


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_a_file_with_the_top_gives_the_values_of_its_dense_layers(suffix: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    published = Narrow().with_top()
    file = tmp_path / f"with_top{suffix}"
    if suffix == ".h5":
        published.save(file)
    else:
        published.save_weights(file)
    model = Narrow().build(224, file)
    for name in ("fc1", "fc2"):
        expected = outputs(keras.Model(published.input, published.get_layer(name).output), pixels(224))
        given = outputs(keras.Model(model.input, model.get_layer(name).output), pixels(224))
        assert given.shape == (2, 1, 1, 12)
        assert expected.std() > 0
        np.testing.assert_allclose(given[:, 0, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_file_without_the_top_does_not_fit_and_is_told_what_does(tmp_path: Path) -> None:
    file = tmp_path / "no_top.weights.h5"
    Narrow().blocks(224).save_weights(file)
    with pytest.raises(ValueError, match=r"no_top\.weights\.h5 does not fit vgg16_fc; give Keras' file of VGG16 with"):
        Narrow().build(224, file)


def test_smaller_images_are_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"224 px or more: fc1 sees maps of 7 x 7 values, and 223 px leave 6 x 6$"):
        VGG16FC().build(223, None)
    with pytest.raises(ValueError, match="224 px or more: fc6 sees maps of 6 x 6 values"):
        AlexNetOwtFC().build(200, None)


def test_dense_layers_of_pytorch_become_convolutions(tmp_path: Path) -> None:
    """A dense layer of PyTorch sees a map as channels, rows, columns; ours as rows, columns, channels."""
    model = NarrowAlexNet().build(224, None)
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {}
    for layer, prefix in NarrowAlexNet.torch_layers.items():
        height, width, channels, filters = model.get_layer(layer).kernel.shape
        shape = (filters, channels * height * width) if layer.startswith("fc") else (filters, channels, height, width)
        arrays[f"{prefix}.weight"] = rng.normal(0, 0.02, shape).astype("float32")
        arrays[f"{prefix}.bias"] = rng.normal(0, 0.02, filters).astype("float32")
    np.savez(tmp_path / "torch.npz", **arrays)
    model = NarrowAlexNet().build(224, tmp_path / "torch.npz")
    pooled = outputs(keras.Model(model.input, model.get_layer("pool5").output), pixels(224))
    assert pooled.shape == (2, 6, 6, 256)
    flat = pooled.transpose(0, 3, 1, 2).reshape(2, -1)
    for prefix in ("classifier.1", "classifier.4"):
        flat = np.maximum(flat @ arrays[f"{prefix}.weight"].T + arrays[f"{prefix}.bias"], 0)
    assert flat.std() > 0
    np.testing.assert_allclose(outputs(model, pixels(224))[:, 0, 0], flat, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("plugin", "count"), [(VGG16FC(), 138_357_544), (VGG19FC(), 143_667_240)])
def test_with_the_top_the_parameters_are_those_of_the_paper(plugin: Any, count: int) -> None:
    top = plugin.with_top()
    assert top.count_params() == count
    assert [layer.units for layer in top.layers if isinstance(layer, LAYERS.Dense)] == [4096, 4096, 1000]
    assert sum(bool(layer.weights) for layer in top.layers) == {"VGG16": 16, "VGG19": 19}[plugin.application]


def test_addresses_and_hashes_are_those_of_keras() -> None:
    """What Keras itself downloads, from its installed source."""
    plugins: list[Any] = [VGG16FC(), VGG19FC()]
    for plugin in plugins:
        name = plugin.application.lower()
        source = (Path(keras.__file__).parent / "src" / "applications" / f"{name}.py").read_text()
        (weights,) = plugin.weights.values()
        assert weights.filename in source
        assert f'file_hash="{weights.file_hash}"' in source
        assert weights.url.endswith(f"/{name}/{weights.filename}")
