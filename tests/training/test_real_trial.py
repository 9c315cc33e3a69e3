"""A trial on a real network, with and without a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.networks.tiny import Patience, make_extractor, make_fold, make_pool
from tests.training.test_trial import same
from tlsearch.features.prefix import Network
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training.trial import TrialRunner
from tlsearch.types import Candidate, TrialSpec
from tlsearch_plugins.augmentations.policies import Standard
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LITE = EfficientNetLite0()
LITE_SIZE = 32


@pytest.fixture(scope="module")
def lite() -> Network:
    """EfficientNet-Lite0 with its ImageNet weights."""
    source = LITE.weights["imagenet"].path
    assert source is not None
    candidate = Candidate(
        backbone=LITE.name,
        weights="imagenet",
        weights_file=str(source),
        weights_id="id",
        image_size=LITE_SIZE,
        depth=18,
    )
    network = Network(LITE, candidate, None, "float32")
    network.inspect(make_pool(4, LITE_SIZE).pixels[LITE_SIZE].astype(np.float32))
    return network


def test_a_real_trial_from_the_store_is_the_trial_without_one(lite: Network, tmp_path: Path) -> None:
    """Suffix training with augmentation: value, every epoch and every probability are equal."""
    spec = TrialSpec(
        backbone=LITE.name,
        weights="imagenet",
        image_size=LITE_SIZE,
        depth=18,
        freeze_depth=15,
        policy="standard",
        strength=0.5,
        views=2,
        steps=9,
        batch_size=16,
        lr_suffix=5e-4,
        lr_head=1e-3,
        weight_decay=1e-3,
        dropout=0.3,
    )
    outcomes = []
    for name, limit in (("store", 10**9), ("none", 0)):
        extractor = make_extractor(tmp_path / name, make_pool(45, LITE_SIZE), limit, Standard())
        runner = TrialRunner(extractor, load_metric("accuracy"))
        outcomes.append(runner.run(lite, spec, [make_fold(45)], Patience(), None))
        assert (extractor.store.info().files == 0) == (limit == 0)
    same(*outcomes)
    history = outcomes[0].result.history
    assert len(history) == 9
    assert len({h["train_loss"] for h in history}) == 9
    assert outcomes[0].result.value is not None
    assert outcomes[0].result.value > 0.5
