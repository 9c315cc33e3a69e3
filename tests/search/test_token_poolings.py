"""The poolings of networks that give tokens: searched where there are several, and nothing changes without tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tests.search.test_warm_start import peaking
from tlsearch.models.cuts import CutInfo, Cuts
from tlsearch.search.poolings import flattened_values, token_poolings
from tlsearch.search.space import SearchSpace
from tlsearch.search.warm_start import warm_start
from tlsearch.types import Pooling, TrialSpec

VIT, DINO = replace(LITE, backbone="vit"), replace(LITE, backbone="dino")
MAPS = make_space()
BOTH: tuple[Pooling, ...] = ("mean", "class_token")
MIXED = replace(make_space(VIT, VGG), tokens=((VIT.label, BOTH),))
TOKENS = replace(make_space(VIT, DINO), tokens=((VIT.label, BOTH), (DINO.label, ("mean",))))
MEANS = replace(make_space(DINO), tokens=((DINO.label, ("mean",)),))


def choices(space: SearchSpace) -> tuple[str, ...]:
    return space.distributions()["pooling"].choices  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (MAPS, ("avg", "avgmax")),
        (replace(MAPS, flattened=((VGG.label, 8192),)), ("avg", "avgmax", "flatten")),
        (MIXED, ("avg", "avgmax", "mean", "class_token")),
        (TOKENS, ("mean", "class_token")),
        (MEANS, ("mean",)),
    ],
)
def test_what_any_candidate_has_is_searched(space: SearchSpace, expected: tuple[str, ...]) -> None:
    assert choices(space) == expected


def test_only_tokens_change_the_digest() -> None:
    assert replace(MAPS, tokens=()).digest == MAPS.digest
    assert MIXED.digest != make_space(VIT, VGG).digest


@pytest.mark.parametrize(
    ("label", "wanted", "expected"),
    [
        (VIT.label, "avg", "mean"),
        (VIT.label, "avgmax", "class_token"),
        (VIT.label, "flatten", "mean"),
        (VIT.label, "class_token", "class_token"),
        (VGG.label, "mean", "avg"),
        (VGG.label, "class_token", "avgmax"),
        (VGG.label, "avgmax", "avgmax"),
    ],
)
def test_each_candidate_takes_the_nearest_that_it_has(label: str, wanted: Pooling, expected: str) -> None:
    params = {**MIXED.params(MIXED.candidate(label)), "pooling": wanted}
    assert MIXED.spec(params).pooling == expected


@pytest.mark.parametrize("space", [MIXED, TOKENS, MEANS])
def test_the_first_trials_are_within_the_choices(space: SearchSpace) -> None:
    costs, profile = make_costs(space), {c: peaking(c, 6) for c in space.candidates}
    entries = warm_start(space, profile, space.candidates, lambda p: costs.operations(space.spec(p)), 20)
    assert {params["pooling"] for params in entries} <= set(choices(space))
    seen = {space.spec(params).pooling for params in entries if params["candidate"] in dict(space.tokens)}
    assert seen == {p for _, poolings in space.tokens for p in poolings}


def test_the_label_of_a_trial_names_the_class_token() -> None:
    spec = MIXED.spec(MIXED.params(VIT, pooling="class_token"))
    assert spec.label == "vit@imagenet freeze 18/18 linear probe class token no augmentation"
    assert MIXED.spec(MIXED.params(VIT)).label == "vit@imagenet freeze 18/18 linear probe no augmentation"
    assert TrialSpec.from_dict(spec.to_dict()) == spec
    assert spec.digest != replace(spec, pooling="mean").digest


@pytest.mark.parametrize(
    ("shape", "leading", "poolings"), [((7, 7, 8), 0, ()), ((50, 8), 1, BOTH), ((49, 8), 0, ("mean",))]
)
def test_what_a_network_gives_decides(shape: tuple[int, ...], leading: int, poolings: tuple[Pooling, ...]) -> None:
    point = CutInfo(name="a", layer="a", stage_end=True, shape=shape, dtype="float16", work=1.0, leading_tokens=leading)
    assert token_poolings(Cuts((point,))) == poolings
    assert bool(flattened_values(Cuts((point,)), 10)) == (not poolings)
