"""The plain loop and bare Keras train what they say, on the images that all sides share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.common.loops.images import fewer_images, read_images
from benchmarks.common.loops.plain_loop import augmentation, build_model, run_plain
from benchmarks.common.loops.trial_kinds import LAST_BLOCK, draw_trials
from benchmarks.speed.bare_keras import BATCHES, choose_forward, columns, pass_over, solve, standardised, start_forward
from tests.helpers.networks.three_cuts import CANDIDATE, CUTS

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Path]) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data"), per_class=40, size=40, splits=("train", "val"))


def test_fewer_images_keep_all_that_validate(dataset: Path, tmp_path: Path) -> None:
    images = read_images(dataset, 32, 0, tmp_path)
    few = fewer_images(images, 30, 0)
    assert (len(few.train), len(few.val)) == (30, len(images.val))
    assert np.bincount(np.asarray(few.labels)[few.train]).tolist() == [10, 10, 10]
    assert np.array_equal(few.pixels[few.val], images.pixels[images.val])
    assert few.one_hot[few.val].argmax(axis=1).tolist() == [images.labels[row] for row in images.val]
    assert few.digest != images.digest
    assert fewer_images(images, 10_000, 0) is images


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("frozen", [("conv1", "conv2"), ("conv1", "conv2", "conv3")])
def test_the_plain_loop_trains_what_is_not_frozen(dataset: Path, tmp_path: Path, frozen: tuple[str, ...]) -> None:
    images = read_images(dataset, 32, 0, tmp_path)
    candidate = replace(CANDIDATE, weights_file=None)
    spec = replace(
        draw_trials(CANDIDATE, CUTS, 3068, 1, 10, 0)[LAST_BLOCK][0],
        lr_suffix=0.01,
        lr_head=0.05,
        dropout=0.0,
        weight_decay=0.0,
    )
    model, suffix = build_model(candidate, frozen, spec, 3)
    assert [v.path.split("/")[0] for v in suffix] == ["conv3"] * (2 if len(frozen) == 2 else 0)
    assert len(model.trainable_variables) == len(suffix) + 4
    trial = run_plain(candidate, frozen, spec, images, 12, 8)
    assert len(trial.val_accuracy) == trial.timed.epochs == 8
    if suffix:  # the features of a network of random values say too little
        assert trial.val_accuracy[-1] > 0.6
    assert 0 < trial.timed.epoch_seconds < trial.timed.seconds


def test_a_plain_loop_augments_as_far_as_the_policy() -> None:
    import keras

    pixels = np.full((4, 16, 16, 3), 100.0, np.float32)
    pixels[:, :, :8] = 200.0
    for strength in (0.25, 1.0):
        x = keras.ops.convert_to_tensor(pixels)
        for layer in augmentation(strength):
            x = layer(x, training=True)
        assert tuple(x.shape) == pixels.shape
        assert np.abs(np.asarray(x) - pixels).max() > 5
    turn, zoom = augmentation(0.5)[1:3]
    assert max(turn.factor) == pytest.approx(0.04)
    assert tuple(zoom.height_factor) == pytest.approx((-0.2, 0.0))


def test_a_bare_solver_finds_what_tells_classes_apart_on_any_number_of_views() -> None:
    labels = tuple(n % 3 for n in range(90))
    rows: Any = SimpleNamespace(labels=labels, train=np.arange(60))
    pooled = np.random.default_rng(0).normal(size=(90, 8)).astype(np.float32)
    assert solve([pooled], rows, "avg") > 0
    assert columns(pooled, "avg").shape == (90, 4)
    scaled = standardised(pooled, pooled[:60])
    assert scaled[:60].mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-5)
    assert scaled[:60].std(axis=0) == pytest.approx(np.ones(8), rel=1e-4)


@pytest.mark.usefixtures("stub")
def test_a_bare_pass_gives_what_the_network_gives() -> None:
    import keras

    candidate = replace(CANDIDATE, weights_file=None)
    keras.utils.set_random_seed(0)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    for layer, width in ((None, 32), ("conv2", 16)):
        found = choose_forward(candidate, pixels, layer)
        assert found.batch in BATCHES
        seconds, model = start_forward(candidate, found, pixels)
        more, said = pass_over(model, found, pixels)
        assert seconds > 0
        assert more > 0
        assert said.shape[-1] == width
        whole = np.asarray(model(pixels))
        assert said == pytest.approx(whole, abs=2e-2)
