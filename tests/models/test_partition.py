"""A divided network: whatever way features are computed, the numbers are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import Tiny, make_pool
from tlsearch import backend as runtime
from tlsearch.errors import PluginFailedError, WeightsError
from tlsearch.models import partition
from tlsearch.models.cuts import Cuts, maps, pools
from tlsearch.models.flops import layer_work
from tlsearch.plugins.api import Backbone, CutPoint
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0
from tlsearch_plugins.backbones.resnet import ResNet50
from tlsearch_plugins.backbones.vgg import VGG16, VGG19

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = 32
PICTURES = make_pool(2, SIZE).pixels[SIZE].astype(np.float32)
BACKBONES: dict[str, Any] = {b.name: b for b in (VGG16, VGG19, ResNet50, EfficientNetLite0)}
each_backbone = pytest.mark.parametrize("name", BACKBONES)
# VGG16 and EfficientNet-Lite0 have all that the other two are made of.
each_kind_of_backbone = pytest.mark.parametrize(
    "name",
    [
        "vgg16",
        "efficientnet_lite0",
        *(pytest.param(n, marks=pytest.mark.networks) for n in ("vgg19", "resnet50")),
    ],
)


@cache
def built(name: str) -> tuple[Backbone, Any, Cuts]:
    """A backbone with random weights in which every block does something, and its cuts in float16."""
    keras.utils.set_random_seed(1)
    plugin = BACKBONES[name]()
    model = partition.build(plugin, SIZE, None, "float32")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Blocks that start as the identity would let a wrong cut pass.
            layer.gamma.assign(keras.ops.full_like(layer.gamma, 0.7))
    cuts = partition.inspect(plugin, model, PICTURES)
    return plugin, model, cuts


def in_float32(cuts: Cuts) -> Cuts:
    """The same cuts, stored without rounding."""
    return Cuts(tuple(replace(cut, dtype="float32") for cut in cuts))


def compute(
    name: str, cuts: Cuts, start: int, maps_at: Sequence[int], pools_at: Sequence[int], inputs: Any = PICTURES
) -> dict[str, Any]:
    """What a prefix gives, as arrays, compiled as extraction compiles it."""
    plugin, model, _ = built(name)
    graph = partition.prefix(plugin, model, cuts, start, (*maps(*maps_at), *pools(*pools_at)))
    # As Network does it.
    forward = runtime.with_constants(graph, len(inputs)) if partition.has_batch_norm(model) else graph.predict_on_batch
    features = {what: np.asarray(values) for what, values in forward(inputs).items()}
    if start == 0:
        assert features.pop(partition.FINITE).all()
    return features


def whole(name: str) -> Any:
    """What the backbone itself gives."""
    plugin, model, _ = built(name)
    return keras.ops.convert_to_numpy(model(plugin.preprocess(PICTURES), training=False))


@each_kind_of_backbone
def test_suffix_of_prefix_is_the_model_at_every_cut(name: str) -> None:
    _, model, cuts = built(name)
    assert {cut.dtype for cut in cuts} == {"float16"}
    expected = whole(name)
    assert np.isfinite(expected).all()
    assert expected.std() > 0
    every = tuple(cuts.depths)
    exact, half = (compute(name, kind, 0, every, ()) for kind in (in_float32(cuts), cuts))
    for depth in every:
        rest = partition.suffix(model, cuts, depth)
        assert (rest is None) == (depth == len(cuts))
        features = [computed[f"map {depth}"] for computed in (exact, half)]
        assert [each.dtype for each in features] == ["float32", "float16"]
        assert {each.shape for each in features} == {(len(PICTURES), *cuts.point(depth).shape)}
        values = np.concatenate([each.astype(np.float32) for each in features])
        both = keras.ops.convert_to_numpy(rest(values, training=False)) if rest is not None else values
        for joined, dtype, tolerance in zip(np.split(both, 2), ("float32", "float16"), (1e-5, 1e-2), strict=True):
            distance = np.linalg.norm(joined - expected) / np.linalg.norm(expected)
            assert distance <= tolerance, (cuts.point(depth).name, dtype)


@each_backbone
def test_depth_0_is_the_whole_network(name: str) -> None:
    plugin, model, cuts = built(name)
    rest = partition.suffix(model, cuts, 0)
    assert rest is not None
    computed = keras.ops.convert_to_numpy(rest(plugin.preprocess(PICTURES), training=False))
    np.testing.assert_array_equal(computed, whole(name))


@each_kind_of_backbone
def test_features_from_a_stored_stage_end_are_those_from_pixels_bit_for_bit(name: str) -> None:
    _, _, cuts = built(name)
    end = len(cuts)
    stages = cuts.stage_ends(0, end)
    assert len(stages) >= 4
    direct = compute(name, cuts, 0, (*stages, end), (end - 1, end))
    for start in stages:
        wanted = tuple(depth for depth in (*stages, end) if depth > start)
        pooled = tuple(depth for depth in (end - 1, end) if depth > start)
        again = compute(name, cuts, start, wanted, pooled, direct[f"map {start}"])
        assert set(again) == {f"map {d}" for d in wanted} | {f"pool {d}" for d in pooled}
        for key, values in again.items():
            np.testing.assert_array_equal(values, direct[key], err_msg=f"{key} from {start}")


@pytest.mark.parametrize("name", ["vgg16", "efficientnet_lite0"])
def test_one_pass_gives_what_separate_passes_give(name: str) -> None:
    _, _, cuts = built(name)
    end = len(cuts)
    mapped, pooled = (3, 5, end), (2, 5, end - 1, end)
    together = compute(name, cuts, 0, mapped, pooled)
    assert set(together) == {*(f"map {d}" for d in mapped), *(f"pool {d}" for d in pooled)}
    for depth in mapped:
        np.testing.assert_array_equal(compute(name, cuts, 0, (depth,), ())[f"map {depth}"], together[f"map {depth}"])
    for depth in pooled:
        np.testing.assert_array_equal(compute(name, cuts, 0, (), (depth,))[f"pool {depth}"], together[f"pool {depth}"])


def test_pools_are_averages_and_maxima_of_the_rounded_map() -> None:
    _, _, cuts = built("efficientnet_lite0")
    both = compute("efficientnet_lite0", cuts, 0, (4,), (4,))
    exact = both["map 4"].astype(np.float32)
    expected = np.concatenate([exact.mean(axis=(1, 2)), exact.max(axis=(1, 2))], axis=1)
    assert both["pool 4"].dtype == np.float32
    np.testing.assert_allclose(both["pool 4"], expected, rtol=1e-5, atol=1e-6)


@each_backbone
def test_inspect_knows_shapes_work_and_frozen_layers(name: str) -> None:
    plugin, model, cuts = built(name)
    points = plugin.cut_points(model)
    assert [(c.name, c.layer, c.stage_end) for c in cuts] == [(p.name, p.layer, p.stage_end) for p in points]
    assert [c.shape for c in cuts] == [model.get_layer(p.layer).output.shape[1:] for p in points]
    work = [c.work for c in cuts]
    assert work[0] > 0
    assert all(later > earlier for earlier, later in pairwise(work))
    with_weights = [layer.name for layer in model.layers if layer.weights]
    assert sorted(cuts[-1].frozen_layers) == sorted(with_weights)
    for earlier, later in pairwise(cuts):
        assert set(earlier.frozen_layers) < set(later.frozen_layers)


def test_work_of_vgg16_is_that_of_the_published_network() -> None:
    """15.35 billion multiply-adds in convolutions at 224 px (Simonyan & Zisserman 2015), (SIZE / 224)^2 of it."""
    _, model, _ = built("vgg16")
    total = sum(layer_work(layer).arithmetic for layer in model.layers)
    assert total == pytest.approx(2 * 15.35e9 * (SIZE / 224) ** 2, rel=1e-3)


def test_a_cut_near_the_end_of_float16_is_stored_in_float32() -> None:
    plain, large = Tiny(), Tiny(spread=4e4)
    sample = make_pool(8).pixels[16].astype(np.float32)
    dtypes = [
        [c.dtype for c in partition.inspect(p, partition.build(p, 16, None, "float32"), sample)] for p in (plain, large)
    ]
    assert dtypes == [["float16"] * 4, ["float16"] * 3 + ["float32"]]


def test_non_finite_features_name_the_plugin_and_the_cut() -> None:
    plugin = Tiny()
    model = partition.build(plugin, 16, None, "float32")
    norm = model.get_layer("deep_bn")
    norm.gamma.assign(np.full(8, np.inf, np.float32))
    with pytest.raises(PluginFailedError, match="'tiny' gives non-finite features at 'sum'"):
        partition.inspect(plugin, model, make_pool(4).pixels[16].astype(np.float32))


class Two(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A layer with two outputs."""

    def call(self, x: Any) -> Any:
        """The input and its double."""
        return x, 2 * x


class Odd(Tiny):
    """A network whose second cut point breaks the contract in one of several ways."""

    name = "odd"

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A convolution, a residual branch, two outputs at once, then a vector."""
        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.Conv2D(4, 3, name="first")(inputs)
        y = keras.layers.Conv2D(4, 1, name="branch")(x)
        pair = Two(name="pair")(keras.layers.Add(name="sum")([x, y]))
        z = keras.layers.Add(name="joined")(list(pair))
        vector = keras.layers.Flatten(name="vector")(z)
        back = keras.layers.Reshape(z.shape[1:], name="back")(vector)
        return keras.Model(inputs, back)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """A good cut, the odd one, and the output."""
        return [CutPoint("good", "first"), CutPoint("odd one", self.layer), CutPoint("end", "back")]


@pytest.mark.parametrize("layer", ["branch", "pair", "vector", "no_such_layer"])
def test_a_cut_that_is_no_single_map_is_a_plugin_error(layer: str) -> None:
    plugin = Odd(layer)
    model = plugin.build(16, None)
    with pytest.raises(PluginFailedError, match=rf"'odd' cannot be cut at 'odd one' \(the layer '{layer}'\): a cut"):
        partition.inspect(plugin, model, PICTURES[:, :16, :16])


def test_the_same_network_with_good_cuts_passes() -> None:
    plugin = Odd("joined")
    assert [c.name for c in partition.inspect(plugin, plugin.build(16, None), PICTURES[:, :16, :16])] == [
        "good",
        "odd one",
        "end",
    ]


class Given(Tiny):
    """Builds what it is told to build of its own network."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def build(self, image_size: int, weights: Path | None) -> Any:
        """See above."""
        return self.change(super().build(image_size, weights))


def test_a_list_of_one_output_is_that_output() -> None:
    plugin = Given(lambda model: keras.Model([model.input], [model.output]))
    model = partition.build(plugin, 16, None, "float32")
    assert tuple(model.input.shape) == (None, 16, 16, 3)
    pictures = PICTURES[:, :16, :16]
    cuts = partition.inspect(plugin, model, pictures)
    found = partition.prefix(plugin, model, cuts, 0, pools(len(cuts)))(pictures)
    assert np.isfinite(keras.ops.convert_to_numpy(found[str(pools(len(cuts))[0])])).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: keras.Model(model.input, [model.output, model.input]), "one input and one output, not 1 and 2"),
        (lambda model: None, "be a functional Keras model, not a NoneType"),
    ],
)
def test_a_model_that_is_no_network_is_the_fault_of_its_plugin(change: Any, said: str) -> None:
    with pytest.raises(PluginFailedError, match=f"What the backbone plugin 'tiny' builds must .*{said}") as caught:
        partition.build(Given(change), 16, None, "float32")
    assert caught.value.plugin == "backbone tiny"


def test_weights_of_another_network_are_a_weights_error(tmp_path: Path) -> None:
    file = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(file)
    with pytest.raises(WeightsError, match=r"other\.weights\.h5 does not fit efficientnet_lite0: ") as caught:
        partition.build(EfficientNetLite0(), SIZE, file, "float32")
    assert "\n" not in str(caught.value)


def test_a_model_is_built_under_its_policy_only() -> None:
    before = keras.config.dtype_policy().name
    model = partition.build(Tiny(), 16, None, "mixed_bfloat16")
    assert model.output.dtype == "bfloat16"
    assert keras.config.dtype_policy().name == before == "float32"
