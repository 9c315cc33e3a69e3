"""Extraction: nothing is computed twice, and stored or not the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import SIZE, Speckle, Tiny, make_extractor, make_network, make_pool
from tlsearch.errors import PluginFailedError
from tlsearch.features.extractor import ComputedRows, Extractor, StoredRows
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.view import PLAIN, View, render_chunks
from tlsearch.models.cuts import Feature

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COUNT = 70  # more than one chunk of rendering, and no multiple of the batch
VIEW = View(policy="speckle", strength=0.5, number=1, seed=7)
EVERY = np.arange(COUNT)


@pytest.fixture(scope="module")
def network() -> Network:
    """One network for all tests: what it computes does not depend on who asked before."""
    return make_network()


def extractor_in(folder: Path, limit: int = 10**9) -> Extractor:
    """An extractor for 70 pictures."""
    return make_extractor(folder, make_pool(COUNT), limit, Speckle())


def rendered(view: View) -> Any:
    """The view's pixels, rendered here."""
    pixels = make_pool(COUNT).pixels[SIZE]
    return np.concatenate([images for _, images in render_chunks(pixels, view, Speckle())])


def test_depth_0_are_the_pixels_of_the_view(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path)
    np.testing.assert_array_equal(extractor.maps(network, PLAIN, 0).take(EVERY), make_pool(COUNT).pixels[SIZE])
    np.testing.assert_array_equal(extractor.maps(network, VIEW, 0).take(EVERY), rendered(VIEW))
    assert extractor.computed == 0


def test_maps_are_what_the_network_computes_from_the_pixels(tmp_path: Path, network: Network) -> None:
    rows = extractor_in(tmp_path).maps(network, VIEW, 2).take(EVERY)
    assert rows.dtype == np.float16
    plugin = Tiny()
    model = plugin.build(SIZE, None)
    import keras

    part = keras.Model(model.input, model.get_layer("wide_out").output)
    expected = np.asarray(part(plugin.preprocess(rendered(VIEW)), training=False))
    np.testing.assert_allclose(rows.astype(np.float32), expected, rtol=2e-3, atol=2e-3)


def test_a_second_trial_with_the_same_view_computes_nothing(tmp_path: Path, network: Network) -> None:
    first = extractor_in(tmp_path)
    one = first.maps(network, VIEW, 2).take(EVERY)
    assert first.computed == COUNT
    first.maps(network, VIEW, 2)
    assert first.computed == COUNT
    later = extractor_in(tmp_path)  # another process, another run
    two = later.maps(make_network(), VIEW, 2).take(EVERY)
    assert later.computed == 0
    np.testing.assert_array_equal(one, two)
    later.maps(network, View(policy="speckle", strength=0.5, number=2, seed=7), 2)
    assert later.computed == COUNT


def test_a_view_is_rendered_once_for_all_depths(tmp_path: Path, network: Network) -> None:
    speckle = Speckle()
    extractor = make_extractor(tmp_path, make_pool(COUNT), augmentation=speckle)
    for depth in (1, 2, 3, 4):
        extractor.maps(network, VIEW, depth)
    assert speckle.calls == 2  # chunks of 64


def test_deeper_maps_start_from_the_deepest_stored_stage_end(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []
    compute = network.compute

    def spy(start: int, *arguments: Any) -> Any:
        starts.append(start)
        return compute(start, *arguments)

    monkeypatch.setattr(network, "compute", spy)
    extractor = extractor_in(tmp_path)
    direct = extractor.maps(network, VIEW, 4).take(EVERY)
    extractor.maps(network, VIEW, 2)  # no stage end: nothing starts there
    extractor.maps(network, VIEW, 1)
    assert set(starts) == {0}
    starts.clear()
    stepped = extractor_in(tmp_path / "again")
    for depth in (1, 2, 3, 4):
        again = stepped.maps(network, VIEW, depth).take(EVERY)
    assert starts == [0, 0, 0, 1, 1, 1, 1, 1, 1, 3, 3, 3]  # three batches each
    np.testing.assert_array_equal(again, direct)


def test_all_depths_are_pooled_in_one_pass(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path)
    arrays = extractor.pooled(network, PLAIN, range(1, 5))
    assert extractor.computed == COUNT
    assert [a.shape for a in arrays] == [(COUNT, 2 * c.shape[2]) for c in network.cuts]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    again = extractor.pooled(network, PLAIN, [4, 2])
    assert extractor.computed == COUNT
    np.testing.assert_array_equal(again[0], arrays[3])
    np.testing.assert_array_equal(again[1], arrays[1])
    maps = extractor.maps(network, PLAIN, 3).take(EVERY).astype(np.float32)
    expected = np.concatenate([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(arrays[2], expected, rtol=1e-5, atol=1e-6)


def test_only_the_missing_depths_are_pooled(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path)
    extractor.maps(network, PLAIN, 3)
    (third,) = extractor.pooled(network, PLAIN, [3])
    apart = extractor.pooled(network, PLAIN, [2, 3, 4])
    assert extractor.computed == 3 * COUNT  # the map, the third pool, then the second and the fourth
    together = extractor_in(tmp_path / "again").pooled(network, PLAIN, [2, 3, 4])
    np.testing.assert_array_equal(apart[1], third)
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("view", [PLAIN, VIEW], ids=["plain", "augmented"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_without_a_budget_the_numbers_are_the_same(tmp_path: Path, network: Network, view: View, depth: int) -> None:
    stored = extractor_in(tmp_path / "large").maps(network, view, depth)
    computed = extractor_in(tmp_path / "none", 0).maps(network, view, depth)
    assert isinstance(stored, StoredRows)
    assert isinstance(computed, ComputedRows)
    rng = np.random.default_rng(depth)
    for index in (EVERY, rng.permutation(COUNT), rng.integers(0, COUNT, 5)):
        one, other = stored.take(index), computed.take(index)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_pools_without_a_budget_are_the_same_and_leave_nothing(tmp_path: Path, network: Network) -> None:
    with_store = extractor_in(tmp_path / "large").pooled(network, VIEW, [2, 4])
    folder = tmp_path / "none"
    without = extractor_in(folder, 0).pooled(network, VIEW, [2, 4])
    for one, other in zip(with_store, without, strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(folder.iterdir()) == []


def test_without_a_budget_the_view_in_use_is_rendered_once(tmp_path: Path, network: Network) -> None:
    speckle = Speckle()
    extractor = make_extractor(tmp_path, make_pool(COUNT), 0, speckle)
    for _ in range(3):
        np.testing.assert_array_equal(extractor.maps(network, VIEW, 0).take(EVERY), rendered(VIEW))
    assert speckle.calls == 2
    extractor.maps(network, View(policy="speckle", strength=0.5, number=2, seed=7), 0)
    extractor.maps(network, VIEW, 0)
    assert speckle.calls == 6  # one view at a time


def test_a_budget_for_some_views_only_changes_no_number(tmp_path: Path, network: Network) -> None:
    """Room for about two arrays of maps: they push each other out, and come back the same."""
    size = COUNT * int(np.prod(network.cuts[1].shape)) * 2
    extractor = extractor_in(tmp_path, 2 * size + 1000)
    expected = {
        v: extractor_in(tmp_path / "large").maps(network, View(policy="speckle", strength=0.5, number=v, seed=7), 2)
        for v in range(3)
    }
    for number in (0, 1, 2, 0, 1, 2):
        rows = extractor.maps(network, View(policy="speckle", strength=0.5, number=number, seed=7), 2)
        np.testing.assert_array_equal(rows.take(EVERY), expected[number].take(EVERY))
        assert extractor.store.info().bytes <= extractor.store.limit


def test_fresh_pixels_are_the_view_and_are_not_stored(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path)
    np.testing.assert_array_equal(extractor.fresh_pixels(SIZE, VIEW), rendered(VIEW))
    assert extractor.store.info().files == 0
    assert extractor.fresh_pixels(SIZE, PLAIN) is extractor.pool.pixels[SIZE]


def test_an_images_features_do_not_depend_on_its_neighbours(network: Network) -> None:
    pixels = make_pool(EXTRACT_BATCH).pixels[SIZE]
    wanted = (Feature("map", 4), Feature("pool", 4))
    together = network.compute(0, wanted, pixels)
    alone = network.compute(0, wanted, pixels[5:6])
    assert {feature: len(values) for feature, values in alone.items()} == dict.fromkeys(wanted, 1)
    for name, values in alone.items():
        np.testing.assert_array_equal(values[0], together[name][5])


class Standardised(Tiny):
    """Divides by the spread of an image, which fails for one of a single colour."""

    def preprocess(self, images: Any) -> Any:
        images = keras.ops.cast(images, "float32")
        return (images - 127.5) / keras.ops.std(images, axis=(1, 2, 3), keepdims=True)


def spoilt(value: float) -> Network:
    """A network with ``value`` among its weights; where a ReLU follows, its features need not show it."""
    network = make_network()
    network.model.get_layer("last_bn").beta.assign(np.full(12, value, np.float32))
    return network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: spoilt(np.nan), "has weights for tiny@w that are not finite; try other weights", id="NaN"),
        pytest.param(lambda: spoilt(3e38), "gives features that are not finite for tiny@w; try other", id="too large"),
        pytest.param(
            lambda: make_network(Standardised()),
            "turns an image into values that are not finite; fix its preprocess",
            id="preprocess",
        ),
    ],
)
def test_what_is_not_finite_names_the_plugin_and_stores_nothing(
    tmp_path: Path, make: Callable[[], Network], message: str
) -> None:
    network = make()
    extractor = extractor_in(tmp_path)
    extractor.pool.pixels[SIZE][7] = 100  # of a single colour
    with pytest.raises(PluginFailedError, match=f"The backbone plugin 'tiny' {message}"):
        extractor.maps(network, PLAIN, 4)
    with pytest.raises(PluginFailedError, match="not finite"):
        extractor.pooled(network, PLAIN, [2, 4])
    assert extractor.store.info().files == 0
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_with_the_last_image(tmp_path: Path, network: Network) -> None:
    events: list[tuple[str, int, int]] = []
    extractor = extractor_in(tmp_path)
    extractor.progress = lambda *event: events.append(event)
    extractor.maps(network, VIEW, 2)
    assert ("rendering speckle 0.50", COUNT, COUNT) in events
    assert events[-1] == ("features of tiny@w, speckle 0.50", COUNT, COUNT)
