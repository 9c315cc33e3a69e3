"""Trials of a network that gives tokens: what is trained, what is stored, what ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import SIZE, Patience, make_extractor, make_fold, make_network, make_pool, make_spec
from tests.helpers.networks.tiny_tokens import WIDTH, TinyTokens
from tlsearch.features.prefix import Network
from tlsearch.features.view import PLAIN
from tlsearch.models.build import export
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training.trial import TrialRunner

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CASES: dict[str, dict[str, Any]] = {
    "probe_class_token": {"freeze_depth": 4, "steps": 0, "pooling": "class_token"},
    "skip_cut_mean": {"freeze_depth": 4, "steps": 0, "skip_cut": 3, "pooling": "mean"},
    # The first cut is a map, which has no class token: its average is joined.
    "skip_map_class_token": {"freeze_depth": 4, "steps": 0, "skip_cut": 1, "pooling": "class_token"},
    "hidden": {"freeze_depth": 4, "units": 8, "steps": 20, "pooling": "mean"},
    "last_block_trained": {"freeze_depth": 3, "steps": 20, "lr_suffix": 0.01, "pooling": "class_token"},
}
WIDTHS = {"skip_cut_mean": 2 * WIDTH, "skip_map_class_token": 2 * WIDTH}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """One network for all tests, with weights of its own in a file."""
    keras.utils.set_random_seed(3)
    plugin = TinyTokens()
    file = tmp_path_factory.mktemp("weights") / "tokens.weights.h5"
    plugin.build(SIZE, None).save_weights(file)
    return make_network(plugin, weights_file=str(file))


@pytest.mark.parametrize("name", CASES)
def test_the_exported_model_predicts_as_the_trial_did(name: str, network: Network, tmp_path: Path) -> None:
    spec = make_spec(backbone="tiny_tokens", **CASES[name])
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    outcome = runner.run(network, spec, [make_fold()], Patience(), None)
    fitted = runner.fitted
    assert fitted is not None
    assert len(fitted.head.weights().mean) == WIDTHS.get(name, WIDTH)
    model = export(network.plugin, network.candidate, network.cuts, spec, fitted.head, fitted.backbone_weights)
    pixels = make_pool().pixels[SIZE][outcome.val_rows].astype(np.float32)
    probabilities = np.asarray(keras.ops.convert_to_numpy(model(pixels)))
    np.testing.assert_allclose(probabilities, outcome.val_probabilities, atol=5e-3)
    assert probabilities.std() > 0.01


def test_stored_features_of_tokens_are_compact(network: Network, tmp_path: Path) -> None:
    extractor = make_extractor(tmp_path)
    widths = [array.shape[1] for array in extractor.pooled(network, PLAIN, network.cuts.depths)]
    assert widths == [2 * WIDTH] * 4  # averages with maxima or class token, not all 18 tokens
    assert extractor.maps(network, PLAIN, 3).take(np.arange(2)).shape == (2, 18, WIDTH)
