"""A configuration in words, and its short form explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.configuration import SHORT_FORM, in_words
from tlsearch.types import TrialSpec

SPEC = TrialSpec(backbone="efficientnet_lite0", weights="imagenet", image_size=160, depth=18, freeze_depth=6, steps=9)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "EfficientNet-Lite0 (ImageNet-1k), first 6 of 18 blocks frozen, linear head, no augmentation"),
        (
            {"units": 64, "policy": "standard", "strength": 0.5},
            "EfficientNet-Lite0 (ImageNet-1k), first 6 of 18 blocks frozen, hidden layer of 64 units, "
            "standard augmentation 0.50",
        ),
        (
            {"freeze_depth": 18, "skip_cut": 7, "pooling": "avgmax"},
            "EfficientNet-Lite0 (ImageNet-1k), all 18 blocks frozen, features after block 7 joined, averages and "
            "maxima of the features, joined linear probe, no augmentation",
        ),
        (
            {"freeze_depth": 18, "units": 100, "pooling": "flatten"},
            "EfficientNet-Lite0 (ImageNet-1k), all 18 blocks frozen, every value of the last feature map, hidden layer "
            "of 100 units, no augmentation",
        ),
        (
            {"freeze_depth": 18, "pooling": "class_token"},
            "EfficientNet-Lite0 (ImageNet-1k), all 18 blocks frozen, class token of the features, linear probe, no "
            "augmentation",
        ),
        ({"freeze_depth": 0}, "EfficientNet-Lite0 (ImageNet-1k), no block frozen, linear head, no augmentation"),
        ({"weights": None}, "EfficientNet-Lite0, trained from scratch, linear head, no augmentation"),
        ({"weights": "mine"}, "efficientnet_lite0 (mine), first 6 of 18 blocks frozen, linear head, no augmentation"),
        ({"backbone": "own", "weights": None}, "own, trained from scratch, linear head, no augmentation"),
    ],
)
def test_a_configuration_in_words(changes: dict[str, object], expected: str) -> None:
    assert in_words(replace(SPEC, **changes), SAMPLE.plan) == expected  # type: ignore[arg-type]


def test_a_network_without_a_title_keeps_its_name() -> None:
    (vgg,) = (c for c in SAMPLE.plan.candidates if c.backbone == "vgg16")
    spec = replace(SPEC, backbone="vgg16", depth=vgg.cut_points, freeze_depth=10)
    assert in_words(spec, SAMPLE.plan) == "vgg16 (imagenet), first 10 of 13 blocks frozen, linear head, no augmentation"


def test_the_short_form_explains_every_part_of_a_label() -> None:
    everything = replace(SPEC, freeze_depth=6, skip_cut=4, units=128, pooling="avgmax", policy="standard", strength=0.5)
    for part in ("freeze 6/18", "skip cut 4", "head 128", "avg+max"):
        assert part in everything.label
        assert part in SHORT_FORM
    assert "flatten" in replace(everything, pooling="flatten").label
    assert "flatten" in SHORT_FORM
    assert "linear probe" in replace(SPEC, freeze_depth=18, steps=0).label
    assert "linear probe" in SHORT_FORM
