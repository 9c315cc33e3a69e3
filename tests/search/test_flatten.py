"""Flattened feature maps in the search: offered where they are small, and nothing changes where they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.made_up import IMAGES, LITE, VGG, facts_of, make_costs, make_space
from tlsearch.models.cuts import CutInfo, Cuts
from tlsearch.search.cost import FLAT_OPERATIONS_PER_SECOND, TRAIN_FACTOR
from tlsearch.search.poolings import FLATTEN_TOTAL, FLATTEN_VALUES, FLATTEN_WEIGHTS, flattened_values
from tlsearch.types import TrialSpec

PLAIN = make_space()
SPACE = replace(PLAIN, flattened=((VGG.label, FLATTEN_VALUES),))


def last_map(*shape: int) -> Cuts:
    height, width, channels = shape
    return Cuts(
        (CutInfo(name="a", layer="a", stage_end=True, shape=(height, width, channels), dtype="float16", work=1.0),)
    )


@pytest.mark.parametrize(
    ("shape", "images", "values"),
    [
        ((7, 7, 512), 3000, 25_088),  # VGG at 224 px, as in the lesson
        ((7, 7, 512), FLATTEN_TOTAL // 25_088 + 1, 0),  # all images together are too much
        ((4, 4, 1280), 3000, 20_480),  # EfficientNet-Lite0 at 128 px
        ((5, 5, 1280), 3000, 0),  # and at 160 px
        ((7, 7, 2048), 10, 0),  # ResNet50 at 224 px
        ((1, 1, 512), 3000, 0),  # a vector already
    ],
)
def test_a_map_is_flattened_where_it_is_small(shape: tuple[int, int, int], images: int, values: int) -> None:
    assert flattened_values(last_map(*shape), images) == values


def test_flatten_is_offered_and_changes_the_digest_only_where_a_map_may_be_flattened() -> None:
    assert PLAIN.distributions()["pooling"].choices == ("avg", "avgmax")  # type: ignore[attr-defined]
    assert SPACE.distributions()["pooling"].choices == ("avg", "avgmax", "flatten")  # type: ignore[attr-defined]
    assert replace(PLAIN, flattened=()).digest == PLAIN.digest != SPACE.digest


def flat(label: object = VGG, **chosen: object) -> TrialSpec:
    return SPACE.spec({**SPACE.params(VGG, pooling="flatten", **chosen), "candidate": getattr(label, "label", label)})


def test_a_hidden_layer_of_a_network_with_a_small_map_gets_every_value() -> None:
    spec = flat(hidden=True, units=100, skip_cut=0.9)
    assert (spec.pooling, spec.units, spec.skip_cut, spec.kind) == ("flatten", 100, 0, "feature_extraction")
    assert "flatten" in spec.label
    assert flat(hidden=True, units=100, train_suffix=True, freeze_depth=10).pooling == "flatten"
    assert TrialSpec.from_dict(spec.to_dict()) == spec


def test_other_trials_take_averages_instead_and_are_the_same_trials() -> None:
    for chosen in ({}, {"train_suffix": True, "freeze_depth": 10}):
        averages = SPACE.spec(SPACE.params(VGG, **chosen))
        assert SPACE.spec(SPACE.params(VGG, pooling="flatten", **chosen)) == averages
    lite = SPACE.params(LITE, hidden=True)
    assert SPACE.spec({**lite, "pooling": "flatten"}) == SPACE.spec(lite)


def test_the_hidden_layer_is_no_larger_than_stated() -> None:
    widest = flat(hidden=True, units=1024)
    assert widest.units == FLATTEN_WEIGHTS // FLATTEN_VALUES == 334
    assert SPACE.spec(SPACE.params(VGG, hidden=True, units=1024)).units == 1024


def test_a_flattened_map_costs_what_its_weights_cost() -> None:
    costs = make_costs(SPACE)
    pooled, flattened = SPACE.spec(SPACE.params(VGG, hidden=True, units=100)), flat(hidden=True, units=100)
    height, width, channels = facts_of(VGG, 1e10).cuts[-1].shape
    work = TRAIN_FACTOR * 2 * 32 * height * width * channels * 100 * SPACE.steps
    assert costs.operations(flattened) - costs.operations(pooled) == pytest.approx(work)
    more = costs.train_seconds(flattened) - costs.train_seconds(pooled)
    assert more == pytest.approx(work / FLAT_OPERATIONS_PER_SECOND)
    assert costs.view_seconds(flattened) == costs.view_seconds(pooled) == pytest.approx(IMAGES * 0.01)
    costs.remember(flattened)
    assert costs.view_seconds(flattened) == 0
