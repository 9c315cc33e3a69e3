"""The model of a trial: what is trained, what stays, and what ships."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import (
    SIZE,
    Patience,
    Tiny,
    make_extractor,
    make_fold,
    make_network,
    make_pool,
    make_spec,
)
from tlsearch.features.prefix import Network
from tlsearch.features.view import PLAIN
from tlsearch.models.build import build_suffix, export
from tlsearch.models.heads import Head
from tlsearch.models.pooling import pool
from tlsearch.plugins.keras_weights import load_keras_weights
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training.trial import Outcome, TrialRunner
from tlsearch.types import TrialSpec

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WITH_WEIGHTS = ["stem", "wide", "wide_bn", "deep", "deep_bn", "last", "last_bn"]
FROZEN = {0: 0, 1: 1, 2: 3, 3: 5}
"""How many of the layers with weights lie before each cut."""


@pytest.fixture(scope="module")
def network() -> Network:
    """One network for all tests."""
    return make_network()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests."""
    return tmp_path_factory.mktemp("store")


def fresh_head() -> Head:
    """A head of random values on features as they are."""
    return Head(0, 0.0, 3, 1)


def array(value: Any) -> Any:
    """A tensor's or a variable's values."""
    return keras.ops.convert_to_numpy(value)


def test_pooling_is_by_average_joined_with_the_maximum() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float16)
    exact = maps.astype(np.float32)
    np.testing.assert_allclose(array(pool(maps, "avg")), exact.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    both = array(pool(maps, "avgmax"))
    assert both.shape == (2, 10)
    assert both.dtype == np.float32
    np.testing.assert_allclose(both[:, :5], exact.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(both[:, 5:], exact.max(axis=(1, 2)))
    flat = array(pool(maps, "flatten"))
    assert flat.dtype == np.float32
    np.testing.assert_array_equal(flat, exact.reshape(2, 60))  # as the rows of stored maps are flattened


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_everything_after_the_cut_has_a_gradient_and_nothing_before(network: Network, depth: int) -> None:
    parts = build_suffix(
        network.plugin, network.candidate, network.cuts, make_spec(freeze_depth=depth), fresh_head(), "float32"
    )
    suffix = WITH_WEIGHTS[FROZEN[depth] :]
    expected = [v for name in WITH_WEIGHTS for v in parts.backbone_model.get_layer(name).trainable_variables]
    after = [v for name in suffix for v in parts.backbone_model.get_layer(name).trainable_variables]
    assert {id(v) for v in parts.suffix_variables} == {id(v) for v in after} <= {id(v) for v in expected}
    assert len(parts.head_variables) == 2
    assert {id(v) for v in parts.model.trainable_variables} == {
        id(v) for v in [*parts.suffix_variables, *parts.head_variables]
    }
    assert parts.model.input.shape == (None, SIZE, SIZE, 3) if depth == 0 else (None, *network.cuts.point(depth).shape)


def test_a_suffix_has_variables_of_its_own(network: Network) -> None:
    """Two trials, and the frozen network that both start from, never share what they train."""
    built = [
        build_suffix(network.plugin, network.candidate, network.cuts, make_spec(), fresh_head(), "float32")
        for _ in range(2)
    ]
    models = [network.model, *(parts.backbone_model for parts in built)]
    ids = [{id(v) for v in model.variables} for model in models]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]
    assert not ids[1] & ids[2]


def test_everything_frozen_has_no_suffix(network: Network) -> None:
    with pytest.raises(ValueError, match="no suffix"):
        build_suffix(
            network.plugin, network.candidate, network.cuts, make_spec(freeze_depth=4), fresh_head(), "float32"
        )


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_training_moves_what_follows_the_cut_and_keeps_batchnorm_statistics(
    network: Network, folder: Path, depth: int
) -> None:
    runner = TrialRunner(make_extractor(folder), load_metric("accuracy"))
    trainer = runner.prepare(network, make_spec(freeze_depth=depth, lr_suffix=0.01), make_fold())
    backbone = trainer.compiled.backbone
    assert backbone is not None
    before = {name: backbone.get_layer(name).get_weights() for name in WITH_WEIGHTS}
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    for number, name in enumerate(WITH_WEIGHTS):
        after = backbone.get_layer(name).get_weights()
        moved = [not np.array_equal(a, b) for a, b in zip(after, before[name], strict=True)]
        frozen = number < FROZEN[depth]
        if name.endswith("_bn"):  # gamma, beta, moving mean, moving variance
            assert moved == [not frozen, not frozen, False, False], name
        else:
            assert moved == [not frozen] * len(moved), name


def test_from_scratch_batchnorm_follows_the_data(tmp_path: Path) -> None:
    network = make_network(weights=None)
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    spec = make_spec(weights=None, freeze_depth=0, lr_suffix=0.01)
    trainer = runner.prepare(network, spec, make_fold())
    backbone = trainer.compiled.backbone
    assert backbone is not None
    before = {name: backbone.get_layer(name).get_weights()[2:] for name in WITH_WEIGHTS if name.endswith("_bn")}
    trainer.run_epoch()
    for name, statistics in before.items():
        after = backbone.get_layer(name).get_weights()[2:]
        assert all(not np.array_equal(a, b) for a, b in zip(after, statistics, strict=True)), name


# What ships: kinds of trials that are trained, exported, and compared with their probabilities in the search.

CASES: dict[str, dict[str, Any]] = {
    "linear_probe": {"freeze_depth": 4, "steps": 0},
    "linear_probe_avgmax": {"freeze_depth": 4, "steps": 0, "pooling": "avgmax"},
    "skip_cut": {"freeze_depth": 4, "steps": 0, "skip_cut": 2},
    "skip_cut_avgmax": {"freeze_depth": 4, "steps": 0, "skip_cut": 3, "pooling": "avgmax"},
    "hidden": {"freeze_depth": 4, "units": 8, "dropout": 0.3, "steps": 30},
    "hidden_flatten": {"freeze_depth": 4, "units": 8, "steps": 30, "pooling": "flatten"},
    "suffix_flatten": {"freeze_depth": 3, "units": 8, "steps": 20, "pooling": "flatten", "lr_suffix": 0.01},
    "suffix": {"freeze_depth": 2, "steps": 20, "lr_suffix": 0.01},
    "suffix_avgmax_hidden": {"freeze_depth": 1, "steps": 20, "pooling": "avgmax", "units": 8, "dropout": 0.2},
    "nothing_frozen": {"freeze_depth": 0, "steps": 10, "strength": 0.5, "policy": "speckle", "views": 0},
    "from_scratch": {"freeze_depth": 0, "steps": 10, "weights": None, "strength": 0.5, "policy": "speckle", "views": 0},
}


class Shipped:
    """A trial that was run and exported."""

    def __init__(self, spec: TrialSpec, outcome: Outcome, model: Any) -> None:
        self.spec, self.outcome, self.model = spec, outcome, model


@pytest.fixture(scope="module")
def shipped(network: Network, folder: Path) -> dict[str, Shipped]:
    """Every case, run on the same pool."""
    done = {}
    random = make_network(weights=None)
    for name, changes in CASES.items():
        spec = make_spec(**changes)
        used = network if spec.weights else random
        runner = TrialRunner(make_extractor(folder), load_metric("accuracy"))
        outcome = runner.run(used, spec, [make_fold()], Patience(), None)
        fitted = runner.fitted
        assert fitted is not None
        assert fitted.spec == spec
        model = export(used.plugin, used.candidate, used.cuts, spec, fitted.head, fitted.backbone_weights)
        done[name] = Shipped(spec, outcome, model)
    return done


@pytest.mark.parametrize("name", CASES)
def test_the_model_of_a_run_serves_as_weights_for_the_next(
    shipped: dict[str, Shipped], name: str, tmp_path: Path
) -> None:
    model, fresh = shipped[name].model, Tiny().build(SIZE, None)
    model.save(tmp_path / "model.keras")
    load_keras_weights(fresh, tmp_path / "model.keras")
    (inside,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    for layer in (layer for layer in fresh.layers if layer.weights):
        for one, other in zip(layer.get_weights(), inside.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", CASES)
def test_the_exported_model_predicts_as_the_trial_did(shipped: dict[str, Shipped], name: str) -> None:
    """From raw pixels in float32; features on the way were rounded to float16 while searching."""
    case = shipped[name]
    pixels = make_pool().pixels[SIZE][case.outcome.val_rows].astype(np.float32)
    probabilities = array(case.model(pixels))
    assert probabilities.shape == (12, 3)
    assert probabilities.std() > 0.05
    np.testing.assert_allclose(probabilities, case.outcome.val_probabilities, atol=5e-3)
    assert {v.dtype for v in case.model.weights if "seed" not in v.path} == {"float32"}


def test_a_skip_cut_joins_the_features_of_an_inner_cut(
    network: Network, folder: Path, shipped: dict[str, Shipped]
) -> None:
    inner, last = make_extractor(folder).pooled(network, PLAIN, [3, 4])
    joined = np.concatenate([inner, last], axis=1)
    head = shipped["skip_cut_avgmax"].model.get_layer("standardise")
    train = np.asarray(make_fold().train)
    np.testing.assert_allclose(array(head.mean).ravel(), joined[train].mean(axis=0), rtol=1e-4, atol=1e-5)
    assert shipped["skip_cut"].model.get_layer("logits").kernel.shape == (8 + 12, 3)


LOAD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tlsearch", "tlsearch_plugins", "tiny"):
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuse())
import keras, numpy as np
folder = sys.argv[1]
x = np.load(f"{folder}/x.npy")
for name in sys.argv[2:]:
    model = keras.models.load_model(f"{folder}/{name}.keras", safe_mode=True)
    assert model.count_params() > 0
    probabilities = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(probabilities, np.load(f"{folder}/{name}.npy"), atol=1e-6)
print("loaded", len(sys.argv[2:]))
"""


def test_exported_models_load_safely_without_tlsearch(shipped: dict[str, Shipped], tmp_path: Path) -> None:
    pixels = make_pool().pixels[SIZE][:5].astype(np.float32)
    np.save(tmp_path / "x.npy", pixels)
    for name, case in shipped.items():
        case.model.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", array(case.model(pixels)))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path), *shipped], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"loaded {len(CASES)}" in done.stdout


def test_the_exported_model_starts_from_raw_pixels(shipped: dict[str, Shipped]) -> None:
    """What preprocess does is inside: the model alone equals preprocess, backbone, pooling and head by hand."""
    case = shipped["linear_probe"]
    pixels = make_pool().pixels[SIZE][:5].astype(np.float32)
    plugin = Tiny()
    features = array(plugin.build(SIZE, None)(plugin.preprocess(pixels), training=False)).mean(axis=(1, 2))
    norm, logits = case.model.get_layer("standardise"), case.model.get_layer("logits")
    standard = (features - array(norm.mean)) / np.sqrt(array(norm.variance))
    values = standard @ array(logits.kernel) + array(logits.bias)
    expected = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(array(case.model(pixels)), expected, atol=1e-4)


def test_a_suffix_in_bfloat16_keeps_its_variables_and_its_logits_in_float32(network: Network, tmp_path: Path) -> None:
    rough = Network(Tiny(), network.candidate, network.cuts, "mixed_bfloat16")
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    spec = make_spec(steps=20, lr_suffix=0.01)
    outcome = runner.run(rough, spec, [make_fold()], Patience(), None)
    assert outcome.result.value is not None
    assert outcome.result.value > 0.8
    assert runner.fitted is not None
    assert {str(w.dtype) for w in runner.fitted.backbone_weights or []} == {"float32"}
    model = export(rough.plugin, rough.candidate, rough.cuts, spec, runner.fitted.head, runner.fitted.backbone_weights)
    pixels = make_pool().pixels[SIZE][outcome.val_rows].astype(np.float32)
    np.testing.assert_allclose(array(model(pixels)), outcome.val_probabilities, atol=0.05)
