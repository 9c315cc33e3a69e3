"""The built-in augmentations: what each does, and how far it goes. The rules for all are in test_conformance."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from tlsearch.plugins import registry
from tlsearch.plugins.api import Augmentation
from tlsearch_plugins.augmentations import affine, color
from tlsearch_plugins.augmentations.affine import AffineRanges, render_affine
from tlsearch_plugins.augmentations.color import Color


def pictures(count: int = 24, size: int = 32) -> Any:
    """Different smooth colour pictures without symmetry, uint8 (count, size, size, 3)."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[0:size, 0:size] / size
    a, b, c = rng.uniform(1, 5, (3, count, 1, 1, 3))
    waves = np.sin(a * x[None, :, :, None] + c) * np.cos(b * y[None, :, :, None] + 2 * c)
    return (128 + 90 * waves).astype(np.uint8)


def load(name: str) -> Augmentation:
    """The plugin through its entry point."""
    plugin: Augmentation = registry.load_plugin("augmentation", name)
    return plugin


def test_flip_mirrors_with_half_the_strength() -> None:
    images = np.repeat(pictures(1), 2000, axis=0)
    for strength in (0.5, 1.0):
        result = load("flip").render(images, strength, np.random.default_rng(1))
        mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (mirrored | (result == images).all(axis=(1, 2, 3))).all()
        assert mirrored.mean() == pytest.approx(strength / 2, abs=0.04)


def test_shift_moves_by_at_most_its_share_of_the_side() -> None:
    """A bright column wanders, and comes to lie anywhere within the range and nowhere beyond."""
    images = np.zeros((200, 50, 50, 3), np.uint8)
    images[:, :, 25] = 255
    result = load("shift").render(images, 1.0, np.random.default_rng(1)).astype(float)
    columns = np.arange(50)
    profile = result.mean(axis=(1, 3))
    moved = (profile * columns).sum(axis=1) / profile.sum(axis=1) - 25
    assert np.abs(moved).max() <= 0.12 * 50 + 0.6
    assert moved.max() > 4.5
    assert moved.min() < -4.5


def test_crop_enlarges_a_part_of_the_image_without_inventing_edges() -> None:
    """On a ramp, the width that is left is the span of values, and all of it lies inside."""
    ramp = np.repeat(np.linspace(0, 250, 64)[None, :], 64, axis=0)
    images = np.repeat(ramp[None, :, :, None], 100, axis=0).repeat(3, axis=3).astype(np.uint8)
    result = load("crop").render(images, 1.0, np.random.default_rng(1)).astype(float)
    assert (np.diff(result[:, 32, :, 0], axis=1) >= 0).all()
    span = (result[:, 32, -1, 0] - result[:, 32, 0, 0]) / 250
    assert span.min() >= 0.59
    assert span.min() < 0.66
    assert span.max() > 0.94
    assert result[:, 32, 0, 0].max() > 60  # the place is not always the middle


def test_rotate_turns_by_at_most_its_share_of_a_turn() -> None:
    """The angle of a bright line through the middle, from second moments."""
    images = np.zeros((100, 65, 65, 3), np.uint8)
    images[:, 31:34, 12:53] = 255
    result = load("rotate").render(images, 1.0, np.random.default_rng(1)).astype(float)[..., 0]
    y, x = np.mgrid[-32:33, -32:33]
    xx, yy, xy = ((result * m).sum(axis=(1, 2)) for m in (x * x, y * y, x * y))
    turns = np.arctan2(2 * xy, xx - yy) / 2 / (2 * np.pi)
    assert np.abs(turns).max() <= 0.081
    assert turns.max() > 0.06
    assert turns.min() < -0.06


def test_an_affine_pass_with_no_range_is_exact_and_a_mirror_too() -> None:
    images = pictures()
    same = render_affine(images, AffineRanges(), np.random.default_rng(0))
    np.testing.assert_array_equal(same, images)
    mirrored = render_affine(images, AffineRanges(mirror=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1])


def test_an_affine_pass_is_a_bilinear_resampling_with_reflected_edges() -> None:
    """Against SciPy's, whose coordinates are (y, x), to within the 1/256 of its weights; height is not width."""
    images = np.random.default_rng(0).integers(0, 256, (12, 40, 28, 3), dtype=np.uint8)
    ranges = AffineRanges(mirror=0.5, turn=0.2, zoom=0.5, shift=0.3)
    result = render_affine(images, ranges, np.random.default_rng(3))
    for image, matrix, ours in zip(
        images, affine._draw_matrices(12, 40, 28, ranges, np.random.default_rng(3)).astype(float), result, strict=True
    ):
        for channel in range(3):
            expected = scipy.ndimage.affine_transform(
                image[..., channel].astype(float), matrix[::-1, 1::-1], matrix[::-1, 2], order=1, mode="reflect"
            )
            assert np.abs(ours[..., channel] - expected).max() <= 2.5
            assert abs((ours[..., channel] - expected).mean()) < 0.1


@pytest.mark.parametrize("value", [0, 1, 128, 254, 255])
def test_an_affine_pass_leaves_an_even_image_alone(value: int) -> None:
    """The weights of neighbours sum to 1 exactly, and channels do not run into each other."""
    images = np.full((40, 24, 24, 3), value, np.uint8)
    images[..., 1] = 255 - value
    ranges = AffineRanges(mirror=0.5, turn=0.5, zoom=0.9, shift=0.3)
    np.testing.assert_array_equal(render_affine(images, ranges, np.random.default_rng(0)), images)


def test_color_keeps_grey_grey_and_goes_as_far_as_it_says() -> None:
    """Hue and saturation do nothing to grey; brightness moves it, and contrast has nothing to move in a flat image."""
    grey = np.full((200, 4, 4, 3), 128, np.uint8)
    result = Color().render(grey, 1.0, np.random.default_rng(1)).astype(int)
    assert np.abs(result - result[..., :1]).max() <= 1
    moved = result[:, 0, 0, 0] - 128
    assert np.abs(moved).max() <= 0.3 * 255 + 1
    assert moved.max() > 60
    assert moved.min() < -60


def test_contrast_moves_values_about_the_mean_luma() -> None:
    """Of two greys in one image the distance changes by at most 30 %, and brightness alone moves their mean."""
    images = np.full((300, 4, 4, 3), 108, np.uint8)
    images[:, :, 2:] = 148
    result = Color().render(images, 1.0, np.random.default_rng(1)).astype(float)
    dark, light = result[:, 0, 0, 0], result[:, 0, 3, 0]
    inside = (dark > 0) & (light < 255)
    gain = (light - dark)[inside] / 40
    assert inside.sum() > 250
    assert 0.67 < gain.min() < 0.75
    assert 1.25 < gain.max() < 1.33
    assert abs(np.corrcoef(gain, (light + dark)[inside])[0, 1]) < 0.2


def test_saturation_and_hue_scale_and_turn_the_colour_plane_of_yiq() -> None:
    """Against the YIQ of Python's colorsys: luma is kept but for brightness, colours turn and stretch as said."""
    strength, rng = 1.0, np.random.default_rng(1)
    colours = np.array([[120.0, 128, 136], [136, 124, 118]])
    images = np.repeat(colours.astype(np.uint8)[None, None], 400, axis=0)
    before, after = (
        np.array([colorsys.rgb_to_yiq(*rgb) for rgb in x.reshape(-1, 3).astype(float)]).reshape(-1, 2, 3)
        for x in (images, Color().render(images, strength, rng))
    )
    luma = after[:, 0, 0] - after[:, 1, 0]
    assert np.abs(luma).max() <= 1.3 * abs(before[0, 0, 0] - before[0, 1, 0]) + 1  # nothing but contrast
    was, now = (x[..., 1] + 1j * x[..., 2] for x in (before, after))
    ratio = (now[:, 0] - now[:, 1]) / (was[:, 0] - was[:, 1])  # the difference of two colours: little rounding
    turns = np.angle(ratio) / (2 * np.pi)
    assert np.abs(turns).max() <= 0.05 + 0.012
    assert turns.max() > 0.04
    assert turns.min() < -0.04
    stretch = np.abs(ratio)
    assert 0.7 * 0.4 - 0.05 < stretch.min() < 0.45
    assert 1.7 < stretch.max() < 1.3 * 1.6 + 0.05


def test_a_strong_colour_stays_what_it_is() -> None:
    vivid = np.zeros((50, 4, 4, 3), np.uint8)
    vivid[..., 0] = 200
    result = Color().render(vivid, 0.5, np.random.default_rng(1)).astype(int)
    # Red stays the strongest channel: a far hue would wrap channels.
    assert (result[..., 0] >= result[..., 1:].max(axis=-1)).all()


def test_groups_of_color_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many images are worked on together, their colours are the same."""
    images = pictures(20)
    whole = Color().render(images, 1.0, np.random.default_rng(3))
    monkeypatch.setattr(color, "GROUP", 7)
    np.testing.assert_array_equal(Color().render(images, 1.0, np.random.default_rng(3)), whole)


def test_standard_is_geometric_then_color() -> None:
    images = pictures()
    together = load("standard").render(images, 1.0, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    apart = load("color").render(load("geometric").render(images, 1.0, rng), 1.0, rng)
    np.testing.assert_array_equal(together, apart)
