"""What a model costs at use by arithmetic: the values of its head are those that Keras counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, facts_of
from tlsearch.models.heads import Head
from tlsearch.models.use_cost import NetworkAtUse, UseCost, head_values
from tlsearch.types import TrialSpec

CUTS = facts_of(VGG, work=1e9).cuts
PLAIN = TrialSpec(backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13)
NETWORK = NetworkAtUse(
    candidate=VGG, cuts=CUTS, classes=10, cost=UseCost(megabytes=50.0, ms_per_image=20.0, runtime="it")
)


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({}, 104),
        ({"pooling": "avgmax"}, 208),
        ({"skip_cut": 4}, 104 + 32),
        ({"pooling": "avgmax", "skip_cut": 4}, 208 + 64),
        ({"units": 64}, 104),
        ({"pooling": "flatten", "units": 128}, 4 * 4 * 104),
    ],
)
def test_the_values_of_a_head_are_those_that_keras_counts(changes: dict[str, Any], width: int) -> None:
    spec = replace(PLAIN, **changes)
    head = Head(spec.units, 0.0, 10, 0)
    head(np.zeros((1, width), np.float32))
    layers = (head._standardise, *head._layers)
    assert head_values(spec, CUTS, 10) == sum(layer.count_params() for layer in layers)


def test_a_plain_head_costs_what_was_measured_whatever_is_frozen() -> None:
    assert NETWORK.cost_of(PLAIN) == NETWORK.cost
    assert NETWORK.cost_of(replace(PLAIN, freeze_depth=3, steps=100, lr_suffix=0.1)) == NETWORK.cost


def test_another_head_adds_four_bytes_a_value_and_a_little_time() -> None:
    wide = replace(PLAIN, pooling="flatten", units=512)
    values = head_values(wide, CUTS, 10) - head_values(PLAIN, CUTS, 10)
    cost = NETWORK.cost_of(wide)
    assert cost.megabytes == pytest.approx(50.0 + 4e-6 * values)
    assert 20.0 < cost.ms_per_image < 22.0


def test_a_smaller_image_takes_less_time_and_as_much_room() -> None:
    cost = NETWORK.cost_of(replace(PLAIN, image_size=64))
    assert cost.ms_per_image == pytest.approx(5.0)
    assert cost.megabytes == 50.0
    assert NETWORK.work(PLAIN) == CUTS[-1].work


def test_a_network_is_brought_to_what_a_model_of_it_was_measured_at() -> None:
    wide, measured = replace(PLAIN, pooling="avgmax"), UseCost(megabytes=51.0, ms_per_image=30.0, runtime="it")
    network = NETWORK.calibrated(wide, measured)
    assert network.cost_of(wide).megabytes == pytest.approx(51.0)
    assert network.cost_of(wide).ms_per_image == pytest.approx(30.0)
    assert network.cost_of(PLAIN).ms_per_image < 30.0
    assert LITE.image_size != VGG.image_size
