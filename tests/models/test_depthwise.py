"""Depthwise kernels that are kept while the rest of a suffix is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE as KNOWN
from tests.helpers.pipeline.made_up import facts_of
from tlsearch.backend import has_slow_depthwise_gradient
from tlsearch.features.prefix import Network
from tlsearch.models.build import build_suffix, depthwise_layers
from tlsearch.models.heads import Head
from tlsearch.search.cost import DEPTHWISE_FACTOR, FromScratchCosts
from tlsearch.search.space import SearchSpace
from tlsearch.training.compiled import compile_model
from tlsearch.types import Candidate, TrialSpec
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE, FREEZE = 32, 12

LITE = Candidate(
    backbone="efficientnet_lite0", weights="random", weights_file=None, weights_id="", image_size=SIZE, depth=18
)
SPEC = TrialSpec(
    backbone=LITE.backbone, weights="random", image_size=SIZE, depth=18, freeze_depth=FREEZE, steps=1, weight_decay=0.1
)


@pytest.fixture(scope="module")
def network() -> Network:
    found = Network(EfficientNetLite0(), LITE, None, None)
    found.inspect(np.random.default_rng(0).uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32))
    return found


def moved(network: Network, spec: TrialSpec) -> dict[str, bool]:
    """Whether a training step changes each kernel after the cut, by the name of its layer."""
    parts = build_suffix(network.plugin, network.candidate, network.cuts, spec, Head(0, 0.0, 3, 1), "float32")
    optimizer = compile_model(parts.model, spec, parts.suffix_variables, parts.head_variables)
    optimizer.set_rates(0.1, 0.1)
    kernels: dict[str, Any] = {
        layer.name: layer.kernel for layer in parts.backbone_model.layers if isinstance(layer, keras.layers.Conv2D)
    }
    kernels |= {layer.name: layer.kernel for layer in depthwise_layers(parts.backbone_model)}
    before = {name: np.array(keras.ops.convert_to_numpy(kernel)) for name, kernel in kernels.items()}
    x = np.random.default_rng(1).normal(size=(4, *parts.model.input.shape[1:])).astype(np.float32)
    parts.model.train_on_batch(x, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]])
    return {name: bool((keras.ops.convert_to_numpy(k) != before[name]).any()) for name, k in kernels.items()}


def test_depthwise_kernels_stay_and_the_others_are_trained(network: Network) -> None:
    trained, kept = moved(network, SPEC), moved(network, replace(SPEC, depthwise_frozen=True))
    depthwise = {name for name in trained if "depthwise" in name}
    after = {name for name, moves in trained.items() if moves}
    assert len(depthwise & after) >= 4  # of blocks 12 to 16
    assert {name for name, moves in kept.items() if moves} == after - depthwise


def test_from_scratch_everything_is_trained() -> None:
    space = _space(frozenset({LITE.label}))
    assert space.spec(space.params(LITE, train_suffix=True, freeze_depth=6)).depthwise_frozen
    assert not space.spec(space.params(LITE)).depthwise_frozen  # nothing but a head is trained
    assert not _space(frozenset()).spec(space.params(LITE, train_suffix=True, freeze_depth=6)).depthwise_frozen


def test_a_study_with_other_kernels_kept_is_another_study() -> None:
    assert _space(frozenset()).digest != _space(frozenset({LITE.label})).digest


def test_trials_without_kept_kernels_have_the_digest_that_they_always_had() -> None:
    assert SPEC.digest == "71366fd1add93386"
    assert replace(SPEC, depthwise_frozen=True).digest != SPEC.digest


def test_the_gradient_is_slow_with_tensorflow_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.backend.hardware.has_gpu", lambda: False)
    assert has_slow_depthwise_gradient() == (keras.backend.backend() == "tensorflow")
    monkeypatch.setattr("tlsearch.backend.hardware.has_gpu", lambda: True)
    assert not has_slow_depthwise_gradient()


def test_from_scratch_a_step_takes_longer_than_the_one_that_was_measured() -> None:
    facts, costs = facts_of(KNOWN, forward_seconds=1.0), FromScratchCosts(train_images=1000, images=1)
    kept = replace(facts, freezes_depthwise=True)
    assert costs.epoch_seconds(kept) == pytest.approx(DEPTHWISE_FACTOR * costs.epoch_seconds(facts), rel=0.01)


def _space(frozen: frozenset[str]) -> SearchSpace:
    return SearchSpace(
        candidates=(LITE,),
        policies=("none",),
        steps=100,
        train_images=90,
        batch_size=32,
        seed=0,
        depthwise_frozen=frozen,
    )
