"""What is checked of an augmentation. Each function is one rule of the contract in ``plugin_api``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from tlsearch.plugins import registry
from tlsearch.plugins.api import Augmentation
from tlsearch.testing.outcome import Check, needs
from tlsearch.testing.pictures import pictures

COUNTS = (1, 24)
"""One image and many."""

SIZE = 40

STRENGTHS = (0.25, 0.5, 1.0)
AVERAGED = 16
RENDERINGS = 12
"""Images, and renderings of them, over which the distance from the original is averaged: some augmentations draw what
they do once for all images of a rendering."""

SLACK = 0.98
"""By how much of it the average distance may fall from one strength to the next, by chance."""


def check_contract(plugin: Augmentation) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("augmentation", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


@needs(check_contract)
def check_shape_and_type(plugin: Augmentation) -> None:
    """The same shape, uint8, at every strength."""
    for count, strength in ((count, strength) for count in COUNTS for strength in (0.0, *STRENGTHS)):
        images = pictures(count, SIZE, SIZE)
        result = plugin.render(images, strength, np.random.default_rng(0))
        what = f"of {count} images at strength {strength}"
        assert isinstance(result, np.ndarray), f"the result {what} is a {type(result).__name__}, not an array"
        assert result.dtype == np.uint8, f"the result {what} is {result.dtype}, not uint8"
        assert result.shape == images.shape, f"the result {what} has shape {result.shape}, not {images.shape}"


@needs(check_shape_and_type)
def check_identity(plugin: Augmentation) -> None:
    """Strength 0 changes nothing, and gives a new array."""
    for count in COUNTS:
        images = pictures(count, SIZE, SIZE)
        result = plugin.render(images, 0.0, np.random.default_rng(0))
        assert np.array_equal(result, images), "at strength 0 the images are changed"
        assert not np.shares_memory(result, images), "the result is the array that was given, not a new one"


@needs(check_shape_and_type)
def check_range(plugin: Augmentation) -> None:
    """Values stay pixel values from 0 to 255; none are turned into shares of 1 or moved out of sight."""
    images = pictures(24, SIZE, SIZE)
    for strength in STRENGTHS:
        result = plugin.render(images, strength, np.random.default_rng(0))
        low, high = int(result.min()), int(result.max())
        assert high > 0, f"at strength {strength} all images are black"
        assert high > 1, f"at strength {strength} values lie in {low}..{high}: the range of pixels is 0..255, not 0..1"
        spread = float(result.std()) / float(images.std())
        assert spread > 0.1, f"at strength {strength} almost nothing is left to be seen: values lie in {low}..{high}"


@needs(check_shape_and_type)
def check_input_untouched(plugin: Augmentation) -> None:
    """The array that is given is left as it was, and may be read-only."""
    for count in COUNTS:
        images = pictures(count, SIZE, SIZE)
        before = images.copy()
        plugin.render(images, 1.0, np.random.default_rng(0))
        assert np.array_equal(images, before), "the images that are given are changed"
        images.setflags(write=False)
        plugin.render(images, 1.0, np.random.default_rng(0))


@needs(check_shape_and_type, check_input_untouched)
def check_repeatable(plugin: Augmentation) -> None:
    """Everything random comes from the generator: the same state gives the same pixels, whatever came before."""
    for count in COUNTS:
        images = pictures(count, SIZE, SIZE)
        first = plugin.render(images, 0.5, np.random.default_rng(4))
        plugin.render(pictures(3, SIZE, SIZE), 1.0, np.random.default_rng(6))
        np.random.random()  # moves NumPy's global generator on, so that a plugin that uses it is found out
        again = plugin.render(images, 0.5, np.random.default_rng(4))
        assert np.array_equal(first, again), (
            "the same generator gives other pixels the second time; take all that is random from rng"
        )


@needs(check_shape_and_type, check_input_untouched)
def check_variety(plugin: Augmentation) -> None:
    """Every view is another one, and so is what becomes of each image in it."""
    images = np.repeat(pictures(1, SIZE, SIZE), 24, axis=0)
    rng = np.random.default_rng(2)
    views = [plugin.render(images, 1.0, rng) for _ in range(3)]
    assert len({image.tobytes() for image in views[0]}) > 1, "all images of a batch are changed in the same way"
    assert len({view.tobytes() for view in views}) == len(views), "two views by one generator are the same"


@needs(check_shape_and_type, check_input_untouched)
def check_strength(plugin: Augmentation) -> None:
    """On average the distance from the original grows with the strength."""
    images = pictures(AVERAGED, SIZE, SIZE)
    seeds = range(RENDERINGS)
    far = [
        float(np.mean([_distance(plugin.render(images, strength, np.random.default_rng(n)), images) for n in seeds]))
        for strength in STRENGTHS
    ]
    distances = ", ".join(f"{distance:.1f} at {strength}" for strength, distance in zip(STRENGTHS, far, strict=True))
    assert far[0] > 0, f"at strength {STRENGTHS[0]} nothing is changed"
    grows = far[0] < far[-1] and all(after > SLACK * before for before, after in pairwise(far))
    assert grows, f"the mean distance from the original must grow with the strength, and is {distances}"


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "shape and type are kept": check_shape_and_type,
    "strength 0 is the identity": check_identity,
    "values stay in the range of pixels": check_range,
    "the input is left untouched": check_input_untouched,
    "the generator decides everything": check_repeatable,
    "every view is different": check_variety,
    "a higher strength goes further": check_strength,
}


def _distance(one: Any, other: Any) -> float:
    """Mean absolute difference of pixel values."""
    return float(np.abs(one.astype(np.float32) - other.astype(np.float32)).mean())
