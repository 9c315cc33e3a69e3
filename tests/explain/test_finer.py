"""Maps for boxes come from an earlier cut point, which has more places; maps that explain stay exact."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from benchmarks.use.maps.enlarge import at_side
from tests.helpers.models.explained import CLASSES, about, exported, pictures, saved
from tests.helpers.networks.tiny import SIZE
from tlsearch.explain.finer import FinerMaps
from tlsearch.explain.maps import Explainer
from tlsearch.explain.parts import take_apart_earlier
from tlsearch.plugins import registry
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE = 64


@pytest.fixture(scope="module")
def lite0(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """EfficientNet-Lite0 with a linear head of random values: 2 x 2 places in the end."""
    plugin = registry.load_plugin("backbone", "efficientnet_lite0")
    inputs = keras.Input((SIDE, SIDE, 3))
    backbone = plugin.build(SIDE, plugin.weights["imagenet"].path)
    features = keras.layers.GlobalAveragePooling2D()(backbone(plugin.preprocess(inputs), training=False))
    logits = keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.RandomNormal(seed=1), name="logits")
    model = keras.Model(inputs, keras.layers.Softmax()(logits(features)))
    return saved(tmp_path_factory.mktemp("lite0"), model, "efficientnet_lite0")


def photographs(count: int = 3) -> Images:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)


def test_maps_for_boxes_have_more_places_and_those_that_explain_stay_exact(lite0: Predictor) -> None:
    own, earlier = Explainer(lite0), Explainer(lite0, take_apart_earlier(lite0, 49))
    assert (own.grid, earlier.grid, FinerMaps(lite0).grid) == ((2, 2), (4, 4), (4, 4))
    exact, finer = own(photographs(), np.arange(3)), earlier(photographs(), np.arange(3))
    assert (exact.method, exact.exact) == ("cam", True)
    bias = np.asarray(lite0.model.get_layer("logits").get_weights()[1])
    np.testing.assert_allclose(exact.maps.sum(axis=(1, 2)) + bias, exact.logits, rtol=1e-3, atol=1e-3)
    assert (finer.method, finer.exact) == ("hires-cam", False)
    np.testing.assert_allclose(finer.logits, exact.logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(finer.probabilities, exact.probabilities, atol=1e-4)


def test_a_network_with_enough_places_keeps_its_own_maps(lite0: Predictor) -> None:
    assert take_apart_earlier(lite0, 4) is None
    assert take_apart_earlier(lite0, 5) is not None


def test_the_map_is_the_gradient_of_the_logit_times_the_features(lite0: Predictor) -> None:
    """By a small step: the logit changes as the map says where all features of a place grow by a share."""
    parts = take_apart_earlier(lite0, 49)
    assert parts is not None
    found = Explainer(lite0, parts)(photographs(1), np.array([1]))
    features = np.asarray(parts.features(photographs(1).astype(np.float32), training=False)).copy()
    for place in ((0, 0), (2, 1)):
        step, moved = 0.01, [features.copy(), features.copy()]
        moved[0][0, place[0], place[1]] *= 1 + step
        moved[1][0, place[0], place[1]] *= 1 - step
        up, down = (float(np.asarray(parts.pooling(one, training=False))[0, 1]) for one in moved)
        assert (up - down) / (2 * step) == pytest.approx(float(found.maps[0][place]), rel=0.1, abs=0.02)


def test_without_the_plugin_of_its_backbone_a_network_has_its_own_maps(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12)
    assert take_apart_earlier(predictor, 49) is None
    assert FinerMaps(predictor).grid == Explainer(predictor).grid == (4, 4)


def test_files_that_cannot_be_read_have_no_map(tmp_path: Path) -> None:
    predictor = exported(tmp_path / "model", 12)
    for number, image in enumerate(pictures(3)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    files = [tmp_path / f"{number}.png" for number in range(3)]
    found = dict(FinerMaps(predictor).of_files(files, [0, 1, 2]))
    assert list(found) == [0, 2]
    images = np.stack([pictures(3)[0], pictures(3)[2]])
    expected = Explainer(predictor)(images, about(3)[[0, 2]]).maps
    np.testing.assert_allclose(np.concatenate(list(found.values())), expected, rtol=1e-5)


# --- the network for larger squares, with which the benchmark compares


def test_a_network_for_another_side_has_the_same_variables_and_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12)
    images = pictures().astype(np.float32)
    before = np.asarray(predictor.model(images, training=False))
    twice = at_side(predictor.model, 2 * SIZE)
    assert [id(one) for one in twice.weights] == [id(one) for one in predictor.model.weights]
    np.testing.assert_array_equal(np.asarray(predictor.model(images, training=False)), before)
    np.testing.assert_allclose(np.asarray(at_side(predictor.model, SIZE)(images, training=False)), before, rtol=1e-6)


def test_a_reshape_that_makes_several_rows_of_one_picture_is_found(tmp_path: Path) -> None:
    """Keras says nothing of it: the features of a larger picture become those of four pictures."""
    inputs = keras.Input((8, 8, 3))
    flat = keras.ops.reshape(keras.layers.Conv2D(2, 1)(inputs), (-1, 8 * 8 * 2))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(3)(flat)))
    with pytest.raises(ValueError, match="squares of 8 pixels alone"):
        at_side(saved(tmp_path, model).model, 16)
