"""Views: repeatable renderings of a pool, chunk by chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.tiny import Speckle, make_pool
from tlsearch.features.view import PLAIN, RENDER_CHUNK, View, chunk_generator, render_chunks

PIXELS = make_pool(2 * RENDER_CHUNK + 10).pixels[16]
VIEW = View(policy="speckle", strength=0.5, number=1, seed=7)


def rendered(view: View, pixels: Any = PIXELS) -> Any:
    """The whole view, put together by the rows it says."""
    result = np.zeros_like(pixels)
    for start, images in render_chunks(pixels, view, Speckle()):
        result[start : start + len(images)] = images
    return result


def test_a_view_is_the_same_whenever_it_is_rendered() -> None:
    first = rendered(VIEW)
    assert (first != PIXELS).mean() > 0.9
    np.testing.assert_array_equal(rendered(VIEW), first)


def test_chunks_are_fixed_and_in_order() -> None:
    chunks = list(render_chunks(PIXELS, VIEW, Speckle()))
    assert [(start, len(images)) for start, images in chunks] == [(0, 64), (64, 64), (128, 10)]


def test_a_chunk_does_not_depend_on_those_before_it() -> None:
    """The third chunk alone, from its own generator, is what the whole rendering has there."""
    alone = Speckle().render(PIXELS[128:], VIEW.strength, chunk_generator(VIEW, 2))
    np.testing.assert_array_equal(rendered(VIEW)[128:], alone)


def test_chunks_of_equal_pictures_differ() -> None:
    grey = np.full((2 * RENDER_CHUNK, 4, 4, 3), 128, np.uint8)
    result = rendered(VIEW, grey)
    assert (result[:RENDER_CHUNK] != result[RENDER_CHUNK:]).mean() > 0.9


@pytest.mark.parametrize(
    "other",
    [
        View(policy="speckle", strength=0.5, number=2, seed=7),
        View(policy="speckle", strength=0.5, number=1, seed=8),
        View(policy="other", strength=0.5, number=1, seed=7),
        View(policy="speckle", strength=0.51, number=1, seed=7),
    ],
    ids=["number", "seed", "policy", "strength"],
)
def test_other_views_are_other_renderings(other: View) -> None:
    one, two = rendered(VIEW).astype(int) - PIXELS, rendered(other).astype(int) - PIXELS
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("view", [PLAIN, View(policy="speckle", strength=0.0, number=3, seed=9)])
def test_strength_0_is_the_identity_and_asks_no_plugin(view: View) -> None:
    assert view.plain
    speckle = Speckle()
    parts = [images for _, images in render_chunks(PIXELS, view, speckle)]
    np.testing.assert_array_equal(np.concatenate(parts), PIXELS)
    assert speckle.calls == 0
