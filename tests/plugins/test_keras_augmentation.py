"""The base class for authors whose augmentation is a stack of Keras layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.plugins.keras_augmentation import KerasAugmentation

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), dtype=np.uint8)


class Noise(KerasAugmentation):
    """Noise from a layer inside another, and a count of how often layers are made."""

    name = "noise"

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def layers(self, strength: float) -> Sequence[Any]:
        self.made += 1
        scale = keras.layers.Rescaling
        inner = keras.Sequential([scale(1 / 255), keras.layers.GaussianNoise(0.1 * strength), scale(255.0)])
        return [inner, keras.layers.RandomBrightness(0.1 * strength)]


def test_nested_seeds_are_set_too_and_layers_are_made_once() -> None:
    noise = Noise()
    first = noise.render(IMAGES, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(noise.render(IMAGES, 1.0, np.random.default_rng(1)), first)
    assert (noise.render(IMAGES, 1.0, np.random.default_rng(2)) != first).mean() > 0.5
    assert noise.made == 1
    noise.render(IMAGES, 0.5, np.random.default_rng(1))
    assert noise.made == 2


def test_chunks_get_seeds_of_their_own() -> None:
    images = np.full((128, 8, 8, 3), 128, np.uint8)
    result = Noise().render(images, 1.0, np.random.default_rng(1))
    assert (result[:64] != result[64:]).mean() > 0.5


def test_strength_0_makes_no_layers() -> None:
    noise = Noise()
    np.testing.assert_array_equal(noise.render(IMAGES, 0.0, np.random.default_rng(1)), IMAGES)
    assert noise.made == 0


def test_pixels_do_not_depend_on_the_precision_policy() -> None:
    expected = Noise().render(IMAGES, 1.0, np.random.default_rng(1))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        np.testing.assert_array_equal(Noise().render(IMAGES, 1.0, np.random.default_rng(1)), expected)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


def test_values_are_rounded_and_clipped() -> None:
    class Stretch(KerasAugmentation):
        name = "stretch"

        def layers(self, strength: float) -> Sequence[Any]:
            return [keras.layers.Rescaling(1.5, offset=-30.0)]

    images = np.array([0, 21, 100, 101, 255], np.uint8).reshape(1, 5, 1, 1).repeat(3, axis=3)
    result = Stretch().render(images, 1.0, np.random.default_rng(0))
    assert result[0, :, 0, 0].tolist() == [0, 2, 120, 122, 255]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: keras.layers.Cropping2D(1), "must keep the shape"),
        (lambda: keras.layers.Rescaling(float("nan")), "not finite"),
    ],
)
def test_faults_of_the_layers_are_named(layer: Any, message: str) -> None:
    class Faulty(KerasAugmentation):
        name = "faulty"

        def layers(self, strength: float) -> Sequence[Any]:
            return [layer()]

    with pytest.raises(ValueError, match=message):
        Faulty().render(IMAGES, 1.0, np.random.default_rng(0))


def test_an_author_must_say_the_layers() -> None:
    with pytest.raises(NotImplementedError, match="must say its layers"):
        KerasAugmentation().render(IMAGES, 1.0, np.random.default_rng(0))
