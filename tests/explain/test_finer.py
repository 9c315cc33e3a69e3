"""Larger squares for the same network: the same variables, exact maps, and better boxes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeOnce
from tests.helpers.explained import CLASSES, about, bias_of, exported, pictures, saved, tokens
from tests.helpers.scenes import CLASSES as SCENES
from tests.helpers.scenes import write_all
from tests.helpers.tiny import SIZE
from tlsearch.explain.boxed_images import read_boxed
from tlsearch.explain.enlarge import at_side
from tlsearch.explain.finer import FACTORS, FinerMaps
from tlsearch.explain.localise import BoxRequest, localise
from tlsearch.explain.maps import Explainer
from tlsearch.plugins.api import Images

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def larger(images: Images, side: int) -> Images:
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in images])


def test_a_network_for_another_side_has_the_same_variables_and_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    predictor = exported(tmp_path, 12)
    images = pictures().astype(np.float32)
    before = np.asarray(predictor.model(images, training=False))
    twice = at_side(predictor.model, 2 * SIZE)
    assert [id(one) for one in twice.weights] == [id(one) for one in predictor.model.weights]
    assert twice(larger(pictures(), 2 * SIZE).astype(np.float32), training=False).shape == (5, CLASSES)
    np.testing.assert_array_equal(np.asarray(predictor.model(images, training=False)), before)
    np.testing.assert_allclose(np.asarray(at_side(predictor.model, SIZE)(images, training=False)), before, rtol=1e-6)


@pytest.mark.parametrize("pooling", ["avg", "avgmax"])
def test_maps_of_larger_squares_are_exact_too(tmp_path: Path, pooling: str) -> None:
    predictor = exported(tmp_path, 24 if pooling == "avgmax" else 12, pooling=pooling)
    plain, twice = Explainer(predictor), Explainer(predictor, 2 * SIZE)
    assert twice.grid == (2 * plain.grid[0], 2 * plain.grid[1])
    for explainer, images in ((plain, pictures()), (twice, larger(pictures(), 2 * SIZE))):
        found = explainer(images, about())
        assert (found.method, found.exact) == ("cam", True)
        bias = bias_of(predictor)[about()]
        np.testing.assert_allclose(found.maps.sum(axis=(1, 2)) + bias, found.logits, rtol=1e-4, atol=1e-4)
    probabilities = np.asarray(predictor.model(pictures().astype(np.float32), training=False))
    np.testing.assert_allclose(plain(pictures()).probabilities, probabilities, rtol=1e-4, atol=1e-6)


def test_a_network_that_is_bound_to_its_side_looks_at_that_alone(tmp_path: Path) -> None:
    flattened = exported(tmp_path / "flattened", 12 * 4 * 4, pooling="flatten")
    with pytest.raises(ValueError, match="squares of 16 pixels alone"):
        at_side(flattened.model, 2 * SIZE)
    assert FinerMaps(flattened).sides == (SIZE,)
    every = tuple(round(SIZE * factor) for factor in FACTORS)
    assert FinerMaps(exported(tmp_path / "pooled", 12)).sides == every
    without_positions = exported(tmp_path / "tokens", 8, network=tokens(0), pooling="mean")
    assert FinerMaps(without_positions).sides == every


def test_a_reshape_that_makes_several_rows_of_one_picture_is_found(tmp_path: Path) -> None:
    """Keras says nothing of it: the features of a larger picture become those of four pictures."""
    inputs = keras.Input((8, 8, 3))
    flat = keras.ops.reshape(keras.layers.Conv2D(2, 1)(inputs), (-1, 8 * 8 * 2))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(3)(flat)))
    with pytest.raises(ValueError, match="squares of 8 pixels alone"):
        at_side(saved(tmp_path, model).model, 16)


def test_files_that_cannot_be_read_have_no_map(tmp_path: Path) -> None:
    predictor = exported(tmp_path / "model", 12)
    for number, image in enumerate(pictures(3)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    files = [tmp_path / f"{number}.png" for number in range(3)]
    found = dict(FinerMaps(predictor).of_files(files, [0, 1, 2]))
    assert list(found) == [0, 2]
    assert {maps.ndim for maps in found.values()} == {3}


def test_boxes_from_finer_maps_fit_better(once: MakeOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = once("scenes", write_all)
    dataset = read_boxed(folder / "data", SCENES)
    request = BoxRequest(model=folder / "model", scored=dataset.scored, choosing=dataset.choosing)
    finer = localise(request).model
    monkeypatch.setattr("tlsearch.explain.finer.FACTORS", (1.0,))
    plain = localise(request).model
    print(
        f"\nbox accuracy {finer.box_accuracy.value:.3f}, before {plain.box_accuracy.value:.3f}; "
        f"pointing {finer.pointing.value:.3f}, before {plain.pointing.value:.3f}"
    )
    assert finer.box_accuracy.value > plain.box_accuracy.value
