"""Training from scratch starts from He's values at the scale of its input."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import Tiny, make_pool
from tlsearch.models.scratch_init import input_scale, prepare_from_scratch
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins.api import Backbone
from tlsearch_plugins.backbones.vgg import VGG16

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PICTURES = make_pool(16, 32).pixels[32]


def mixed() -> Any:
    """Convolutions of every kind, one of them in a nested model, with biases that are not zero."""
    x = keras.Input((16, 16, 8))
    y = keras.layers.Conv2D(64, 3, name="first", bias_initializer="ones")(x)
    inner = keras.Sequential([keras.Input((14, 14, 64)), keras.layers.Conv2D(128, 5, name="inner")])
    y = keras.layers.DepthwiseConv2D(5, depth_multiplier=4, name="depthwise")(inner(y))
    y = keras.layers.BatchNormalization(name="norm")(y)
    y = keras.layers.Conv2D(96, 3, groups=2, padding="same", name="grouped")(y)
    y = keras.layers.Dense(256, name="dense")(keras.layers.Flatten()(y))
    return keras.Model(x, y)


def kernels(model: Any) -> dict[str, Any]:
    """Every kernel by the name of its layer."""
    layers = model._flatten_layers(include_self=False)
    return {
        layer.name: keras.ops.convert_to_numpy(layer.kernel)
        for layer in layers
        if getattr(layer, "kernel", None) is not None
    }


def test_kernels_have_variance_2_over_fan_in() -> None:
    model = mixed()
    prepare_from_scratch(model, 1, 1.0)
    fan_in = {
        "first": 3 * 3 * 8,
        "inner": 5 * 5 * 64,
        "depthwise": 5 * 5,
        "grouped": 3 * 3 * 512 // 2,
        "dense": 6 * 6 * 96,
    }
    found = kernels(model)
    assert set(found) == set(fan_in)
    for name, kernel in found.items():
        assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in[name]), rel=0.05), name
        assert abs(kernel.mean()) < 0.05 * kernel.std(), name
    assert model.get_layer("norm").momentum == 0.9


def test_only_the_first_kernel_answers_for_the_scale_of_the_input() -> None:
    one, scaled = mixed(), mixed()
    prepare_from_scratch(one, 1, 1.0)
    prepare_from_scratch(scaled, 1, 50.0)
    for (name, kernel), other in zip(kernels(one).items(), kernels(scaled).values(), strict=True):
        np.testing.assert_allclose(other * (50.0 if name == "first" else 1.0), kernel, rtol=1e-5, err_msg=name)


def test_values_come_from_the_seed_and_differ_between_layers() -> None:
    models = [Tiny().build(16, None) for _ in range(3)]
    for model, seed in zip(models, (3, 3, 4), strict=True):
        prepare_from_scratch(model, seed, 1.0)
    first, same, other = map(kernels, models)
    for name, kernel in first.items():
        np.testing.assert_array_equal(kernel, same[name])
        assert not np.array_equal(kernel, other[name])
    pretrained = kernels(Tiny().build(16, None))
    assert all(not np.array_equal(first[name], pretrained[name]) for name in first)
    firsts = [kernel.ravel()[:8] / kernel.std() for kernel in first.values()]
    assert len({tuple(np.round(f, 3)) for f in firsts}) == len(firsts)


@pytest.mark.parametrize("plugin", [VGG16(), SmallCNN()], ids=lambda p: p.name)
def test_the_signal_neither_dies_nor_explodes(plugin: Backbone) -> None:
    """VGG has no BatchNorm and an input with a standard deviation of about 60."""
    model = plugin.build(32, None)
    prepare_from_scratch(model, 1, input_scale(plugin, PICTURES))
    outputs = model(plugin.preprocess(PICTURES.astype(np.float32)), training=True)
    assert 0.1 < keras.ops.convert_to_numpy(outputs).std() < 10


def test_the_scale_of_the_input_is_that_of_the_preprocessed_images() -> None:
    expected = ((PICTURES.astype(np.float32) - 127.5) / 64).std()
    assert input_scale(Tiny(), PICTURES) == pytest.approx(expected, rel=1e-4)
    assert input_scale(Tiny(), np.zeros((3, 8, 8, 3), np.uint8)) == 1.0
