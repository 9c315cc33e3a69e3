"""The built-in plugins are checked by the same kit as anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins import registry
from tlsearch.testing import AugmentationTests, BackboneTests, MetricTests, ReaderTests

BACKBONES = ["vgg16", "vgg16_fc", "vgg19", "vgg19_fc", "resnet50", "efficientnet_lite0"]
CLASSICS = ["alexnet", "alexnet_owt", "alexnet_owt_fc", "zfnet", "googlenet", "googlenet_bn"]
"""Checked in test_classics_conformance, so that both files can run at the same time."""
SMALL_OF_KERAS = ["mobilenet_v3_large", "efficientnet_v2_b0"]
OTHERS_OF_KERAS = [
    "convnext_small",
    "convnext_tiny",
    "densenet121",
    "efficientnet_v2_b1",
    "efficientnet_v2_b2",
    "efficientnet_v2_b3",
    "efficientnet_v2_s",
    "inception_v3",
    "nasnet_mobile",
    "resnet50_v2",
    "xception",
]
AUGMENTATIONS = ["color", "crop", "flip", "geometric", "rotate", "shift", "standard"]
# The others have all that these are made of: `nox -s networks` runs them.
LARGE = [
    "vgg16_fc",
    "vgg19",
    "vgg19_fc",
    "resnet50",
    "efficientnet_v2_b0",
    "alexnet_owt",
    "alexnet_owt_fc",
    "zfnet",
    "googlenet",
    "googlenet_bn",
]
METRICS = ["accuracy", "balanced_accuracy", "macro_f1"]

READERS = ["addresses", "archives", "folders", "tables"]


def large_ones_apart(names: list[str]) -> list[Any]:
    """The names as parameters, of which the large ones are checked by ``nox -s networks``."""
    return [pytest.param(name, marks=pytest.mark.networks if name in LARGE else ()) for name in names]


class TestBackbones(BackboneTests):
    # One backbone after the other, because checks in a row share its network.
    @pytest.fixture(scope="class", params=large_ones_apart(BACKBONES))
    @classmethod
    def plugin(cls, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("backbone", request.param)


class TestSmallNetworksOfKeras(BackboneTests):
    @pytest.fixture(scope="class", params=large_ones_apart(SMALL_OF_KERAS))
    @classmethod
    def plugin(cls, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("backbone", request.param)


@pytest.mark.networks
@pytest.mark.timeout(1800)
class TestOtherNetworksOfKeras(BackboneTests):
    @pytest.fixture(scope="class", params=OTHERS_OF_KERAS)
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
    assert {entry.name for entry in own} == {
        *BACKBONES,
        *SMALL_OF_KERAS,
        *OTHERS_OF_KERAS,
        *CLASSICS,
        *AUGMENTATIONS,
        *METRICS,
        *READERS,
    }
