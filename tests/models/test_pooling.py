"""Features become vectors: maps and tokens, in the graph of a model and in what is stored."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import make_pool
from tests.helpers.networks.tiny_tokens import WIDTH, TinyTokens
from tlsearch.errors import PluginFailedError
from tlsearch.models import partition
from tlsearch.models.cuts import CutInfo, maps, pools
from tlsearch.models.pooling import every_pooling, pool
from tlsearch.plugins.api import CutPoint
from tlsearch.types import AnyArray, Pooling

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(2, 6, 5)).astype(np.float16)
MAP = RNG.normal(size=(2, 3, 4, 5)).astype(np.float16)
PICTURES = make_pool(4, 16).pixels[16].astype(np.float32)


def pooled(features: AnyArray, pooling: Pooling, leading: int = 0) -> AnyArray:
    """What the graph of a model makes of features."""
    return np.asarray(keras.ops.convert_to_numpy(pool(features, pooling, leading)))


def cut_of(features: AnyArray, leading: int = 0) -> CutInfo:
    """A cut point with such features."""
    return CutInfo(
        name="c", layer="c", stage_end=False, shape=features.shape[1:], dtype="float32", work=1.0,
        leading_tokens=leading,
    )  # fmt: skip


def test_tokens_are_averaged_over_the_patches_or_give_their_first() -> None:
    exact = TOKENS.astype(np.float32)
    np.testing.assert_allclose(pooled(TOKENS, "mean", 2), exact[:, 2:].mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(pooled(TOKENS, "class_token", 2), exact[:, 0])
    np.testing.assert_allclose(pooled(TOKENS, "mean"), exact.mean(axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("features", "leading"), [(MAP, 0), (TOKENS, 0), (TOKENS, 1), (TOKENS, 3)])
@pytest.mark.parametrize("pooling", [p for p in get_args(Pooling) if p != "flatten"])
def test_stored_columns_are_what_the_model_pools(features: AnyArray, leading: int, pooling: Pooling) -> None:
    stored = np.asarray(every_pooling(features.astype(np.float32), leading))
    cut = cut_of(features, leading)
    assert stored.shape == (2, cut.pooled_width)
    np.testing.assert_array_equal(stored[:, cut.columns(pooling)], pooled(features, pooling, leading))


def test_a_pooling_that_features_do_not_have_is_their_average() -> None:
    np.testing.assert_array_equal(pooled(MAP, "class_token"), pooled(MAP, "avg"))
    np.testing.assert_array_equal(pooled(MAP, "mean"), pooled(MAP, "avg"))
    np.testing.assert_array_equal(pooled(TOKENS, "class_token"), pooled(TOKENS, "mean"))


@pytest.mark.parametrize("leading", [0, 2])
def test_one_prefix_gives_tokens_and_their_pools(leading: int) -> None:
    plugin = TinyTokens(leading)
    model = partition.build(plugin, 16, None, "float32")
    cuts = partition.inspect(plugin, model, PICTURES)
    assert [cut.shape for cut in cuts] == [(4, 4, WIDTH), *[(16 + leading, WIDTH)] * 3]
    assert [cut.pooled_width for cut in cuts] == [2 * WIDTH, *[(2 if leading else 1) * WIDTH] * 3]
    assert all(later.work > cut.work for cut, later in pairwise(cuts))
    computed = partition.prefix(plugin, model, cuts, 0, (*maps(2, 4), *pools(1, 4)))(PICTURES)
    tokens = np.asarray(computed["map 4"], np.float32)
    assert np.asarray(computed["map 4"]).dtype == np.float16
    expected = tokens[:, leading:].mean(axis=1)
    if leading:
        expected = np.concatenate([expected, tokens[:, 0]], axis=1)
    np.testing.assert_allclose(computed["pool 4"], expected, rtol=1e-5, atol=1e-6)
    rest = partition.suffix(model, cuts, 2)
    assert rest is not None
    joined = rest(np.asarray(computed["map 2"], np.float32), training=False)
    np.testing.assert_allclose(joined, model(plugin.preprocess(PICTURES)), atol=5e-3)


@pytest.mark.parametrize(("layer", "leading"), [("tokens", 18), ("tokens", -1), ("patches", 1)])
def test_leading_tokens_must_be_there(layer: str, leading: int) -> None:
    class Wrong(TinyTokens):
        def cut_points(self, model: keras.Model) -> list[CutPoint]:
            return [CutPoint("wrong", layer, False, leading), *super().cut_points(model)[2:]]

    plugin = Wrong()
    with pytest.raises(PluginFailedError, match="cannot be cut at 'wrong'"):
        partition.inspect(plugin, plugin.build(16, None), PICTURES)
