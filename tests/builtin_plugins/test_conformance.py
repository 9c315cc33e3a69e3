"""The built-in plugins are checked by the same kit as anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins import registry
from tlsearch.testing import AugmentationTests, BackboneTests, MetricTests, ReaderTests

BACKBONES = ["vgg16", "vgg19", "resnet50", "efficientnet_lite0"]
CLASSICS = ["alexnet", "alexnet_owt", "zfnet", "googlenet", "googlenet_bn"]
"""Checked in test_classics_conformance, so that both files can run at the same time."""
LITES = ["efficientnet_lite1", "efficientnet_lite2"]
"""Checked in test_lite_conformance, for the same reason."""
AUGMENTATIONS = ["color", "crop", "flip", "geometric", "rotate", "shift", "standard"]
METRICS = ["accuracy", "balanced_accuracy", "macro_f1"]

READERS = ["addresses", "archives", "folders", "tables"]


class TestBackbones(BackboneTests):
    # One backbone after the other, because checks in a row share its network.
    @pytest.fixture(scope="class", params=BACKBONES)
    @classmethod
    def plugin(cls, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("backbone", request.param)


class TestSmallCNN(BackboneTests):
    """The network that is trained from scratch only, and so is no plugin."""

    @pytest.fixture
    def plugin(self) -> Any:
        return SmallCNN()


class TestAugmentations(AugmentationTests):
    @pytest.fixture(params=AUGMENTATIONS)
    def plugin(self, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("augmentation", request.param)


class TestReaders(ReaderTests):
    @pytest.fixture(params=READERS)
    def plugin(self, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("reader", request.param)


class TestMetrics(MetricTests):
    @pytest.fixture(params=METRICS)
    def plugin(self, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("metric", request.param)


def test_every_built_in_plugin_is_checked() -> None:
    own = [entry for entry in registry.find_plugins() if entry.distribution == "tlsearch"]
    assert {entry.name for entry in own} == {*BACKBONES, *CLASSICS, *LITES, *AUGMENTATIONS, *METRICS, *READERS}
