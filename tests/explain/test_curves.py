"""Deletion and insertion curves: they tell a map that means something from one that does not."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.helpers.models.explained import saved
from tlsearch.explain.curves import FEWEST, Pictures, measure_curves
from tlsearch.explain.maps import heat_maps
from tlsearch.predictor import Predictor
from tlsearch.types import Float32Array

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE, PLACE, PICTURES = 32, 4, 24


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Looks for edges in red, in the middle of each of 8 x 8 places; the other classes have fixed logits."""
    pixels = keras.Input((SIDE, SIDE, 3))
    edges = keras.layers.Conv2D(1, PLACE, strides=PLACE, activation="relu", name="edges")
    logits = keras.layers.Dense(3, name="logits")
    model = keras.Model(pixels, keras.layers.Softmax()(logits(keras.ops.mean(edges(pixels), axis=(1, 2)))))
    kernel = np.zeros((PLACE, PLACE, 3, 1), np.float32)
    kernel[:2, :, 0], kernel[2:, :, 0] = 1 / 64, -1 / 64
    edges.set_weights([kernel, np.zeros(1, np.float32)])
    logits.set_weights([np.array([[4, 0, 0]], np.float32), np.array([-2, 0, 0], np.float32)])
    return saved(tmp_path_factory.mktemp("model"), model)


def scene() -> np.ndarray:
    """Pictures (N, 32, 32, 3) of noise with five places that have an edge."""
    rng = np.random.default_rng(0)
    images = rng.integers(90, 110, (PICTURES, SIDE, SIDE, 3)).astype(np.uint8)
    for image in images:
        for place in rng.permutation(64)[:5]:
            row, column = PLACE * (place // 8), PLACE * (place % 8)
            image[row : row + 2, column : column + PLACE, 0] = 250
            image[row + 2 : row + PLACE, column : column + PLACE, 0] = 0
    return images


def pictures(maps: Float32Array) -> Pictures:
    return Pictures(images=scene(), maps=maps, classes=np.zeros(PICTURES, np.intp))


def test_true_maps_are_better_than_random_and_turned_ones_are_worse(predictor: Predictor) -> None:
    maps = heat_maps(predictor, scene(), np.zeros(PICTURES, np.intp)).maps
    found = measure_curves(predictor, pictures(maps))
    assert found.images == PICTURES
    assert (found.shares[0], found.shares[-1]) == (0.0, 1.0)
    assert found.better_than_random
    assert found.insertion_gain_ci95[0] > 0
    assert found.own_gain_ci95[0] > 0  # the edges of each picture are elsewhere
    low, high = found.deletion_gain_ci95
    assert low < found.deletion_gain < high
    whole = np.asarray(predictor.model.predict_on_batch(scene().astype(np.float32)))[:, 0].mean()
    for curve in (found.deletion, found.random_deletion):
        assert curve[0] == pytest.approx(whole, rel=1e-4)
    for curve in (found.insertion, found.random_insertion):
        assert curve[-1] == pytest.approx(whole, rel=1e-4)
    assert found.deletion[-1] == pytest.approx(found.insertion[0], rel=1e-4)
    turned = measure_curves(predictor, pictures(-maps))
    assert turned.deletion_gain_ci95[1] < 0
    assert not turned.better_than_random


def test_what_all_maps_have_in_common_is_not_of_the_picture_itself(predictor: Predictor) -> None:
    images = np.repeat(scene()[:1], PICTURES, axis=0)
    maps = heat_maps(predictor, images, np.zeros(PICTURES, np.intp)).maps
    found = measure_curves(predictor, Pictures(images=images, maps=maps, classes=np.zeros(PICTURES, np.intp)))
    assert found.better_than_random
    assert found.own_gain == pytest.approx(0, abs=1e-9)


def test_a_map_of_noise_is_not_said_to_mean_anything(predictor: Predictor) -> None:
    noise = np.random.default_rng(5).normal(size=(PICTURES, 8, 8)).astype(np.float32)
    found = measure_curves(predictor, pictures(noise))
    assert not found.better_than_random
    assert abs(found.deletion_gain) < 0.1


def test_the_same_seed_gives_the_same_curves(predictor: Predictor) -> None:
    maps = np.random.default_rng(5).normal(size=(PICTURES, 3, 3)).astype(np.float32)
    first, again, other = (measure_curves(predictor, pictures(maps), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.random_deletion != other.random_deletion
    assert first.deletion == other.deletion
    assert len(first.shares) == 10  # no more points than places


def test_groups_make_the_interval_wider(predictor: Predictor) -> None:
    maps = heat_maps(predictor, scene(), np.zeros(PICTURES, np.intp)).maps
    alone = measure_curves(predictor, pictures(maps))
    groups = np.arange(PICTURES) // 8
    joined = Pictures(images=scene(), maps=maps, classes=np.zeros(PICTURES, np.intp), groups=groups)
    together = measure_curves(predictor, joined)
    assert together.deletion_gain == alone.deletion_gain
    assert together.deletion_gain_ci95 != alone.deletion_gain_ci95


def test_it_ends_between_two_batches(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch takes a second here: one picture of a large network takes many."""
    clock, ask = [0.0], predictor.model.predict_on_batch

    def slow(images: Float32Array) -> Float32Array:
        clock[0] += 1
        return np.asarray(ask(images))

    maps = heat_maps(predictor, scene(), np.zeros(PICTURES, np.intp)).maps
    whole = measure_curves(predictor, pictures(maps))
    monkeypatch.setattr("tlsearch.explain.curves.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(predictor.model, "predict_on_batch", slow)
    measure_curves(predictor, pictures(maps))
    all_batches, clock[0] = clock[0], 0.0
    seconds = int(all_batches) - 1  # too short for the last eight pictures
    assert measure_curves(predictor, pictures(maps), seconds=seconds).images == PICTURES - 8
    assert clock[0] == seconds
    assert whole.images == PICTURES
    clock[0] = 0.0
    with pytest.raises(ValueError, match="there was time for 0 pictures, and 10 are the fewest"):
        measure_curves(predictor, pictures(maps), seconds=2)
    assert clock[0] == 2


def test_without_time_nothing_is_said(predictor: Predictor) -> None:
    maps = np.ones((PICTURES, 3, 3), np.float32)
    with pytest.raises(ValueError, match=f"time for 0 pictures, and {FEWEST} are the fewest"):
        measure_curves(predictor, pictures(maps), seconds=0)
