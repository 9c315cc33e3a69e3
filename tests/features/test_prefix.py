"""A loaded candidate: its precision, and its graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import SIZE, Tiny, make_network, make_pool
from tlsearch import backend as runtime
from tlsearch.features import prefix as network_module
from tlsearch.features.prefix import AGREEMENT, EXTRACT_BATCH, Network
from tlsearch.models import partition
from tlsearch.models.cuts import Feature, maps, pools
from tlsearch.plugins.api import CutPoint
from tlsearch.types import Candidate

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CANDIDATE = Candidate(backbone="tiny", weights="w", weights_file=None, weights_id="id", image_size=SIZE, depth=4)
SAMPLE = make_pool(32).pixels[SIZE].astype(np.float32)


def test_graphs_are_built_once_for_each_purpose() -> None:
    network = make_network()
    assert network.graph(0, maps(2)) is network.graph(0, maps(2))
    assert network.graph(0, maps(2)) is not network.graph(0, maps(3))
    plugin = network.plugin
    assert isinstance(plugin, Tiny)
    assert plugin.builds == 1


def test_the_graphs_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "GRAPHS_KEPT", 2)
    network = make_network()
    first, second = network.graph(0, maps(1)), network.graph(0, maps(2))
    assert network.graph(0, maps(1)) is first
    network.graph(0, maps(3))
    assert network.graph(0, maps(1)) is first
    assert network.graph(0, maps(2)) is not second


def test_weights_that_are_constants_change_nothing_but_the_last_digits() -> None:
    network = make_network()
    prefix = partition.prefix(network.plugin, network.model, network.cuts, 0, pools(2, 4))
    forward = runtime.with_constants(prefix, len(SAMPLE))
    kept, constant = prefix.predict_on_batch(SAMPLE), forward(SAMPLE)
    assert set(kept) == set(constant)
    for name, values in kept.items():
        np.testing.assert_allclose(np.asarray(constant[name]), values, rtol=1e-3, atol=1e-4)
    network.model.get_layer("last_bn").beta.assign(np.zeros(12, np.float32))
    assert not np.allclose(prefix.predict_on_batch(SAMPLE)["pool 4"], kept["pool 4"])
    np.testing.assert_array_equal(forward(SAMPLE)["pool 4"], constant["pool 4"])


def test_batch_norm_is_found_at_any_depth() -> None:
    plain = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 1)])
    assert not partition.has_batch_norm(plain)
    assert partition.has_batch_norm(keras.Sequential([plain, keras.layers.BatchNormalization()]))
    inner = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.BatchNormalization()])
    assert partition.has_batch_norm(keras.Sequential([plain, keras.Sequential([inner])]))


@pytest.mark.parametrize(
    ("precision", "norm", "gpu", "constant"),
    [
        ("float32", True, False, True),
        ("mixed_bfloat16", True, False, False),
        ("float32", False, False, False),
        ("float32", True, True, False),
    ],
)
def test_weights_are_constants_where_batch_norm_can_be_folded(
    precision: str, norm: bool, gpu: bool, constant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "has_batch_norm", lambda model: norm)
    monkeypatch.setattr(runtime, "has_gpu", lambda: gpu)
    asked: list[int] = []

    def with_constants(model: Any, batch: int) -> Any:
        asked.append(batch)
        return model.predict_on_batch

    monkeypatch.setattr(runtime, "with_constants", with_constants)
    network = Network(Tiny(), CANDIDATE, make_network().cuts, precision)
    network.compute(0, maps(4), SAMPLE)
    assert asked == [EXTRACT_BATCH] * constant


class Early(Tiny):
    """Tiny with a cut between a BatchNorm and the ReLU that would be fused with it."""

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Tiny``."""
        return [CutPoint("stem", "stem", stage_end=True), CutPoint("norm", "last_bn"), CutPoint("last", "last_out")]


def test_a_cut_gives_the_same_alone_and_with_others_though_layers_are_fused() -> None:
    network = make_network(Early())
    together = network.compute(0, (*maps(1, 2, 3), *pools(2, 3)), SAMPLE)
    for depth in (1, 2, 3):
        alone = network.compute(0, (*maps(depth), *pools(depth)), SAMPLE)
        np.testing.assert_array_equal(alone[Feature("map", depth)], together[Feature("map", depth)])
    from_stem = network.compute(1, (*maps(2), *pools(2, 3)), together[Feature("map", 1)])
    for feature, values in from_stem.items():
        np.testing.assert_array_equal(values, together[feature])


def test_cuts_that_are_known_need_no_model() -> None:
    plugin = Tiny()
    network = Network(plugin, CANDIDATE, make_network().cuts, None)
    assert network.inspect(SAMPLE) == network.cuts
    assert plugin.builds == 0


def test_cuts_are_asked_for_only_after_inspection() -> None:
    with pytest.raises(RuntimeError, match="inspect"):
        _ = Network(Tiny(), CANDIDATE, None, None).cuts


@pytest.mark.parametrize(
    ("fast", "bound", "agreement", "chosen"),
    [
        ("mixed_bfloat16", 0.0, AGREEMENT, "mixed_bfloat16"),
        ("mixed_bfloat16", 0.0, 1e-9, "float32"),  # it does not agree
        ("mixed_bfloat16", 0.99, AGREEMENT, "float32"),  # it would not be faster
        ("float32", 0.0, AGREEMENT, "float32"),  # the machine has nothing else
    ],
)
def test_another_precision_only_where_it_is_fast_and_agrees(
    monkeypatch: pytest.MonkeyPatch, fast: str, bound: float, agreement: float, chosen: str
) -> None:
    monkeypatch.setattr(runtime, "fastest_precision", lambda: fast)
    monkeypatch.setattr(network_module, "ARITHMETIC_BOUND", bound)
    monkeypatch.setattr(network_module, "AGREEMENT", agreement)
    network = Network(Tiny(), CANDIDATE, None, None)
    network.inspect(SAMPLE)
    assert network.precision == chosen
    assert network.model.output.dtype == ("float32" if chosen == "float32" else "bfloat16")


def test_bfloat16_features_agree_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = make_network()
    monkeypatch.setattr(runtime, "fastest_precision", lambda: "mixed_bfloat16")
    monkeypatch.setattr(network_module, "ARITHMETIC_BOUND", 0.0)
    rough = Network(Tiny(), CANDIDATE, None, None)
    rough.inspect(SAMPLE)
    assert rough.precision == "mixed_bfloat16"
    one, other = (n.compute(0, maps(4), SAMPLE)[Feature("map", 4)].astype(np.float32) for n in (rough, exact))
    distance = np.linalg.norm(one - other) / np.linalg.norm(other)
    assert 0 < distance <= AGREEMENT
