"""A Keras model as a backbone: its pixels, its names, its weights, and what an author is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.keras_families import Application
from tlsearch.errors import PluginFailedError
from tlsearch.plugin_api import Backbone, KerasBackbone
from tlsearch.testing import check_plugin

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

L: Any = keras.layers


class Tiny(KerasBackbone):
    """A stem and two blocks, of which no layer has a name."""

    name = "tiny"
    default_image_size = 48
    pixels = "-1..1"

    def network(self, image_size: int) -> Any:
        x = inputs = keras.Input((image_size, image_size, 3))
        for width in (8, 12, 16):
            y = L.Conv2D(width, 3, strides=2, padding="same")(x)
            x = keras.ops.relu(y + L.BatchNormalization()(L.Conv2D(width, 3, padding="same")(y)))
        return keras.Model(inputs, x)


class Broken(Tiny):
    """Gives what it was told to give."""

    def __init__(self, build: Any, **options: Any) -> None:
        self.given = build
        vars(self).update(options)

    def network(self, image_size: int) -> Any:
        return self.given(image_size)


def rescaled(size: int) -> Any:
    x = keras.Input((size, size, 3))
    return keras.Model(x, L.Conv2D(4, 3)(L.ZeroPadding2D()(L.Rescaling(1 / 255)(x))))


def plain(size: int) -> Any:
    x = keras.Input((size, size, 3))
    return keras.Model(x, L.Conv2D(4, 3)(L.ZeroPadding2D()(x)))


def two_outputs(size: int) -> Any:
    x = keras.Input((size, size, 3))
    return keras.Model(x, [L.Conv2D(4, 3)(x), L.Conv2D(5, 3)(x)])


def with_lambda(size: int) -> Any:
    x = keras.Input((size, size, 3))
    return keras.Model(x, L.Lambda(lambda x: 2.0 * x, name="twice")(L.Conv2D(4, 3)(x)))


def channels_first(size: int) -> Any:
    x = keras.Input((size, size, 3))
    y = L.Permute((3, 1, 2))(L.Conv2D(4, 3)(x))
    return keras.Model(x, L.AveragePooling2D(2, data_format="channels_first", name="pool")(y))


def divided(size: int) -> Any:
    x = keras.Input((size, size, 3))
    return keras.Model(x, L.Conv2D(4, 3)(x / 255.0))


def test_a_few_lines_keep_the_whole_contract() -> None:
    assert isinstance(Tiny(), Backbone)
    assert [result for result in check_plugin("backbone", Tiny()) if not result.ok] == []


def test_batch_norm_follows_quickly_from_random_values(tmp_path: Path) -> None:
    model = Tiny().build(32, None)
    model.save_weights(tmp_path / "tiny.weights.h5")
    loaded = Tiny().build(32, tmp_path / "tiny.weights.h5")
    momenta = [
        {layer.momentum for layer in built.layers if isinstance(layer, L.BatchNormalization)}
        for built in (model, loaded)
    ]
    assert momenta == [{0.9}, {0.99}]


@pytest.mark.parametrize("member", ["MobileNetV3Small", "ConvNeXtTiny"])
def test_weights_that_keras_saved_are_loaded(member: str, tmp_path: Path) -> None:
    plugin = Application(member)
    theirs = plugin.network(32)
    for name in ("own.weights.h5", "legacy.h5"):
        file = tmp_path / name
        theirs.save_weights(file) if name.startswith("own") else theirs.save(file)
        for one, other in zip(plugin.build(48, file).variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize(
    ("pixels", "module"),
    [("-1..1", "mobilenet_v2"), ("imagenet", "densenet"), ("caffe", "vgg16"), ("inside", "convnext")],
)
def test_pixels_are_scaled_as_keras_does(pixels: Any, module: str) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    expected = getattr(keras.applications, module).preprocess_input(images.copy())
    found = Broken(plain, pixels=pixels).preprocess(images)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=0, atol=1e-4)


def test_pixels_may_be_scaled_to_one() -> None:
    found = Broken(plain, pixels="0..1").preprocess(np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found).ravel(), [0, 0.2, 1], atol=1e-6)


@pytest.mark.parametrize(("build", "pixels"), [(rescaled, "inside"), (divided, "inside"), (plain, "0..1")])
def test_pixels_that_are_scaled_once_are_welcome(build: Any, pixels: str) -> None:
    model = Broken(build, pixels=pixels).build(32, None)
    assert model.input_shape == (None, 32, 32, 3)


@pytest.mark.parametrize(
    ("build", "pixels", "said"),
    [
        (rescaled, "-1..1", "scales them again"),
        (plain, "inside", "nothing in its network scales them"),
        (lambda size: plain(64), "0..1", r"must take one input of shape \(32, 32, 3\), not \[\(64, 64, 3\)\]"),
        (two_outputs, "0..1", "must have one input and one output, not 1 and 2"),
        (with_lambda, "0..1", "its layer 'twice' is a Lambda, which Keras does not load from a saved model"),
        (channels_first, "0..1", "its layer 'pool' has the channels first"),
        (lambda size: None, "0..1", "must be a functional Keras model, not a NoneType"),
        (lambda size: keras.Sequential([L.Conv2D(4, 3)]), "0..1", "must be a functional Keras model, not a Sequential"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(build: Any, pixels: str, said: str) -> None:
    with pytest.raises(PluginFailedError, match=said) as caught:
        Broken(build, pixels=pixels).build(32, None)
    assert caught.value.plugin == "backbone tiny"
    assert str(caught.value).startswith("The backbone plugin 'tiny' cannot be used: ")


def in_lists(size: int) -> Any:
    model = plain(size)
    return keras.Model([model.input], [model.output])


def by_name(size: int) -> Any:
    x = keras.Input((size, size, 3), name="pixels")
    return keras.Model({"pixels": x}, {"map": L.Conv2D(4, 3)(x)})


@pytest.mark.parametrize("build", [in_lists, by_name])
def test_one_input_and_one_output_may_stand_in_a_list_or_a_mapping(build: Any) -> None:
    plugin = Broken(build)
    model = plugin.build(32, None)
    assert tuple(model.input.shape) == (None, 32, 32, 3)
    assert [cut.layer for cut in plugin.cut_points(model)] == [model.layers[-1].name]
    assert tuple(model(np.zeros((1, 32, 32, 3), "float32")).shape) == (1, *model.output.shape[1:])


def test_scaling_in_a_model_inside_the_model_counts() -> None:
    def around(build: Any) -> Any:
        def outer(size: int) -> Any:
            x = keras.Input((size, size, 3))
            return keras.Model(x, build(size)(x))

        return outer

    assert Broken(around(rescaled), pixels="inside").build(32, None).count_params() == rescaled(32).count_params()
    with pytest.raises(PluginFailedError, match="scales them again"):
        Broken(around(rescaled), pixels="-1..1").build(32, None)
    with pytest.raises(PluginFailedError, match="nothing in its network scales them"):
        Broken(around(plain), pixels="inside").build(32, None)


@pytest.mark.parametrize("pixels", ["torch", "-1...1", None])
def test_an_unknown_scale_is_refused(pixels: Any) -> None:
    plugin, said = Broken(plain, pixels=pixels), "which is none of 'inside', "
    with pytest.raises(PluginFailedError, match=said):
        plugin.build(32, None)
    with pytest.raises(PluginFailedError, match=said):
        plugin.preprocess(np.zeros((1, 8, 8, 3), "float32"))


def test_an_own_preprocessing_is_the_authors_affair() -> None:
    class Own(Broken):
        def preprocess(self, images: Any) -> Any:
            return images / 100.0

    assert Own(plain, pixels="inside").build(32, None).input_shape == (None, 32, 32, 3)


def test_a_sequential_is_a_functional_model() -> None:
    plugin = Broken(lambda size: keras.Sequential([keras.Input((size, size, 3)), L.Conv2D(4, 3), L.Conv2D(6, 3)]))
    model = plugin.build(32, None)
    assert [cut.name for cut in plugin.cut_points(model)] == ["conv2d_0", "conv2d_1"]


def test_a_model_with_its_top_is_refused() -> None:
    def topped(size: int) -> Any:
        model = plain(size)
        return keras.Model(model.input, L.GlobalAveragePooling2D()(model.output))

    plugin = Broken(topped)
    with pytest.raises(PluginFailedError, match="leave out its top"):
        plugin.cut_points(plugin.build(32, None))


def test_the_network_must_be_said() -> None:
    class Silent(KerasBackbone):
        name = "silent"

    with pytest.raises(NotImplementedError, match="Silent must say its network"):
        Silent().build(32, None)
