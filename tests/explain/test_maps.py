"""Heat maps: they add up to the logit where they say so, and lie where the evidence is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import InstallPlugin
from tests.helpers.models.explained import about, bias_of, exported, logits_of, pictures, saved, tokens
from tlsearch.backend.graph import output_of
from tlsearch.errors import UsageError
from tlsearch.explain.maps import Explainer, heat_maps, resize_maps, spread
from tlsearch.predictor import Predictor

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PLUGIN = "from tests.helpers.networks.tiny_tokens import TinyTokens\n"


def assert_adds_up(predictor: Predictor, grid: tuple[int, int]) -> None:
    """The sum of each map plus the bias of its class is the logit that the model's own layers give."""
    images, classes = pictures(), about()
    found = heat_maps(predictor, images, classes)
    assert found.exact
    assert found.method == "cam"
    assert found.maps.shape == (5, *grid)
    expected = logits_of(predictor, images)[np.arange(5), classes]
    sums = found.maps.sum(axis=(1, 2)) + bias_of(predictor)[classes]
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.rest, bias_of(predictor)[classes], rtol=1e-3, atol=1e-4)


def test_the_map_of_an_average_adds_up_to_the_logit_and_is_one_product(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12)
    assert_adds_up(predictor, (4, 4))
    model = predictor.model
    features = keras.Model(model.input, _features(model))
    x = np.asarray(features.predict_on_batch(pictures().astype(np.float32)))
    standard, dense = model.get_layer("standardise"), model.get_layer("logits")
    mean = np.asarray(standard.mean).reshape(-1)
    scale = np.sqrt(np.asarray(standard.variance)).reshape(-1)
    kernel = np.asarray(dense.get_weights()[0])
    product = np.einsum("nhwc,cn->nhw", (x - mean) / scale, kernel[:, about()]) / 16
    np.testing.assert_allclose(heat_maps(predictor, pictures(), about()).maps, product, rtol=1e-3, atol=1e-4)


def _features(model: Any) -> Any:
    """The output of the network inside a model."""
    return output_of(model, next(layer.name for layer in model.layers if isinstance(layer, keras.Model)))


@pytest.mark.parametrize(
    ("pooling", "width", "skip_cut", "grid"),
    [("avgmax", 24, 0, (4, 4)), ("flatten", 192, 0, (4, 4)), ("avg", 20, 2, (8, 8)), ("avgmax", 36, 1, (8, 8))],
)
def test_maxima_flattened_and_joined_features_add_up(
    tmp_path: Path, pooling: str, width: int, skip_cut: int, grid: tuple[int, int]
) -> None:
    assert_adds_up(exported(tmp_path, width, pooling=pooling, skip_cut=skip_cut), grid)


@pytest.mark.parametrize("leading", [0, 2])
def test_the_mean_of_patches_adds_up(tmp_path: Path, leading: int) -> None:
    assert_adds_up(exported(tmp_path, 8, network=tokens(leading), pooling="mean"), (4, 4))


def test_a_maximum_counts_where_it_is(tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3))
    pooled = keras.ops.max(pixels, axis=(1, 2))
    logits = keras.layers.Dense(3, name="logits")
    model = keras.Model(pixels, keras.layers.Softmax()(logits(pooled)))
    logits.set_weights([np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, 2, 5, 1] = 200
    found = heat_maps(saved(tmp_path, model), image, np.array([1]))
    assert np.argwhere(found.maps[0]).tolist() == [[2, 5]]
    assert found.maps[0, 2, 5] == pytest.approx(200)


def test_with_a_hidden_layer_a_map_is_the_gradient_times_the_features(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12, units=7)
    images, classes = pictures(), about()
    found = heat_maps(predictor, images, classes)
    assert not found.exact
    assert found.method == "hires-cam"
    model = predictor.model
    x = np.asarray(keras.Model(model.input, _features(model)).predict_on_batch(images.astype(np.float32)))
    head = keras.Model(model.get_layer("standardise").input, model.get_layer("logits").output)
    pooled, step = x.mean(axis=(1, 2)), 1e-2
    slope = np.zeros_like(pooled)
    for unit in range(pooled.shape[1]):
        up, down = pooled.copy(), pooled.copy()
        up[:, unit] += step
        down[:, unit] -= step
        both = [np.asarray(head.predict_on_batch(v))[np.arange(5), classes] for v in (up, down)]
        slope[:, unit] = (both[0] - both[1]) / (2 * step)
    mean = np.asarray(model.get_layer("standardise").mean).reshape(-1)
    expected = np.einsum("nhwc,nc->nhw", x - mean, slope) / 16
    np.testing.assert_allclose(found.maps, expected, rtol=0.05, atol=5e-3)


def test_without_a_class_the_most_probable_one_is_explained(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12)
    found = heat_maps(predictor, pictures(40))
    expected = np.asarray(predictor.model.predict_on_batch(pictures(40).astype(np.float32)))
    np.testing.assert_array_equal(found.classes, expected.argmax(axis=1))
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
    given = heat_maps(predictor, pictures(40), found.classes)
    np.testing.assert_array_equal(given.maps, found.maps)


def test_a_class_token_is_explained_by_the_patches_before_the_last_block(
    tmp_path: Path, install: InstallPlugin
) -> None:
    predictor = exported(tmp_path / "model", 8, network=tokens(2), pooling="class_token")
    with pytest.raises(UsageError, match="the package that brings its backbone 'tiny_tokens'"):
        heat_maps(predictor, pictures())
    install("tiny-tokens", PLUGIN, "tlsearch.backbones", tiny_tokens="TinyTokens")
    found = heat_maps(predictor, pictures(), about())
    assert found.maps.shape == (5, 4, 4)
    assert (found.method, found.exact) == ("hires-cam", False)
    np.testing.assert_allclose(found.logits, logits_of(predictor, pictures())[np.arange(5), about()], rtol=1e-3)
    assert (found.maps.std(axis=(1, 2)) > 0).all()


@pytest.mark.parametrize(
    "cuts",
    ["raise ValueError('no preset is named')", "return [CutPoint(n, n) for n in ('block22', 'block23', 'norm')]"],
)
def test_a_backbone_that_is_set_up_as_another_network_is_told(
    cuts: str, tmp_path: Path, install: InstallPlugin
) -> None:
    """One network is installed under the name for each setting, and here it is not that of the run."""
    predictor = exported(tmp_path / "model", 8, network=tokens(2), pooling="class_token")
    code = f"from tlsearch.plugin_api import CutPoint\nclass Set(TinyTokens):\n def cut_points(self, model): {cuts}\n"
    install("tiny-tokens", PLUGIN + code, "tlsearch.backbones", tiny_tokens="Set")
    with pytest.raises(UsageError, match="'tiny_tokens', with the settings that it had in the run"):
        heat_maps(predictor, pictures())


def test_a_model_that_ends_in_another_way_has_maps_too(tmp_path: Path) -> None:
    """Probabilities by an activation: the logits are only known up to a number for each picture."""
    pixels = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    dense = keras.layers.Dense(3, activation="softmax", use_bias=False)
    model = keras.Model(pixels, dense(pooled))
    dense.set_weights([np.eye(3, dtype=np.float32)])
    image = np.full((1, 8, 8, 3), 20, np.uint8)
    image[0, :4, :, 0] = 250
    found = heat_maps(saved(tmp_path, model), image, np.array([0]))
    assert not found.exact
    assert found.maps[0, :4].min() > found.maps[0, 4:].max()


def test_a_network_that_sees_one_place_is_refused_in_one_sentence(tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3))
    one = keras.layers.Conv2D(4, 8)(pixels)
    logits = keras.layers.Dense(3, name="logits")(keras.ops.mean(one, axis=(1, 2)))
    predictor = saved(tmp_path, keras.Model(pixels, keras.layers.Softmax()(logits)))
    with pytest.raises(UsageError, match=r"8 pixels as one place.*--image-size\.$"):
        Explainer(predictor)


def test_resized_maps_go_through_the_centres_of_places() -> None:
    maps = np.array([[[1.0, 3.0]]], np.float32)
    np.testing.assert_allclose(resize_maps(maps, 4)[0], [[1, 1.5, 2.5, 3]] * 4)
    square = np.random.default_rng(0).normal(size=(2, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(resize_maps(square, 5), square, rtol=1e-6)
    np.testing.assert_allclose(resize_maps(np.ones((1, 3, 3), np.float32), 50), 1, rtol=1e-6)


@pytest.mark.parametrize("grid", [(8, 8), (7, 5), (4, 4)])
def test_a_map_that_is_spread_keeps_its_sum(grid: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)
    finer = spread(maps, grid)
    assert finer.shape == (3, *grid)
    np.testing.assert_allclose(finer.sum(axis=(1, 2)), maps.sum(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    if grid == (8, 8):
        np.testing.assert_allclose(finer[:, ::2, ::2], maps / 4, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_maps_are_the_same_with_jax(tmp_path: Path) -> None:
    predictor = exported(tmp_path / "model", 24, pooling="avgmax")
    expected = heat_maps(predictor, pictures(), about()).maps
    code = (
        "import sys, numpy as np\n"
        "from tlsearch.predictor import load\n"
        "from tlsearch.explain.maps import heat_maps\n"
        "images, classes = np.load(sys.argv[2]), np.load(sys.argv[3])\n"
        "np.save(sys.argv[4], heat_maps(load(sys.argv[1]), images, classes).maps)\n"
    )
    files = [tmp_path / f"{name}.npy" for name in ("images", "classes", "maps")]
    np.save(files[0], pictures())
    np.save(files[1], about())
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "model"), *map(str, files)]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    np.testing.assert_allclose(np.load(files[2]), expected, rtol=1e-3, atol=1e-4)
