"""From suggested values to the one spec they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE, POLICIES, VGG, make_space
from tlsearch.search.space import (
    MIN_VIEWS,
    STRENGTHS,
    Params,
    SearchSpace,
    known_policies,
    middle_of_cell,
    schedule,
)
from tlsearch.types import Candidate

SPACE = make_space()


def random_params(space: SearchSpace, rng: np.random.Generator) -> Params:
    """One suggestion, drawn from Optuna's own distributions."""
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=int(rng.integers(2**31))))
    return study.ask(space.distributions()).params


def test_every_parameter_is_suggested_under_the_same_names_for_all_candidates() -> None:
    names = set(SPACE.distributions())
    assert names == set(make_space(LITE).distributions()) == set(make_space(VGG).distributions())
    assert names == set(SPACE.params(VGG))
    for name, distribution in SPACE.distributions().items():
        for candidate in (LITE, VGG):
            assert distribution._contains(distribution.to_internal_repr(SPACE.params(candidate)[name])), name


@pytest.mark.parametrize("candidate", [LITE, VGG], ids=lambda c: c.backbone)
def test_every_cut_point_is_reachable(candidate: Candidate) -> None:
    fractions = np.linspace(0, 1, 400)
    frozen = {SPACE.spec(SPACE.params(candidate, train_suffix=True, freeze=float(f))).freeze_depth for f in fractions}
    frozen.add(SPACE.spec(SPACE.params(candidate)).freeze_depth)
    assert frozen == set(range(candidate.depth + 1))
    skip_cuts = {SPACE.spec(SPACE.params(candidate, skip_cut=float(f))).skip_cut for f in fractions}
    assert skip_cuts == set(range(candidate.depth))  # 0 is none, and the last cut is there anyway


@pytest.mark.parametrize("depth", range(18))
def test_a_depth_that_is_asked_for_is_the_depth_of_the_spec(depth: int) -> None:
    assert SPACE.spec(SPACE.params(LITE, train_suffix=True, freeze_depth=depth)).freeze_depth == depth
    assert SPACE.spec(SPACE.params(LITE, skip_cut_depth=depth)).skip_cut == depth


# What a trial of a kind does not use, with other values than the neutral ones.
UNUSED: dict[str, tuple[Params, Params]] = {
    "a linear probe": (
        {},
        {"freeze": 0.1, "units": 64, "dropout": 0.6, "lr_suffix": 1e-3, "lr_head": 1e-2, "weight_decay": 1e-1,
         "label_smoothing": 0.1, "strength": 1.0},
    ),
    "a hidden head": ({"hidden": True}, {"freeze": 0.1, "lr_suffix": 1e-3, "strength": 0.25}),
    "a suffix": ({"train_suffix": True, "freeze_depth": 6}, {"skip_cut": 0.9, "units": 1024, "strength": 0.75}),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNUSED)
def test_what_a_trial_does_not_use_is_dropped(kind: str) -> None:
    used, unused = UNUSED[kind]
    plain = SPACE.spec(SPACE.params(LITE, **used))
    assert SPACE.spec(SPACE.params(LITE, **used, **unused)) == plain
    for name in unused:
        assert SPACE.spec(SPACE.params(LITE, **used, **{name: unused[name]})).digest == plain.digest, name


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ({}, {"candidate": VGG.label}),
        ({}, {"pooling": "avgmax"}),
        ({}, {"skip_cut": 0.2}),
        ({}, {"policy": "color"}),
        ({"policy": "color"}, {"strength": 1.0}),
        ({}, {"hidden": True}),
        ({"hidden": True}, {"units": 64}),
        ({"hidden": True}, {"dropout": 0.1}),
        ({"hidden": True}, {"lr_head": 2e-3}),
        ({"hidden": True}, {"weight_decay": 1e-2}),
        ({"hidden": True}, {"label_smoothing": 0.1}),
        ({}, {"train_suffix": True}),
        ({"train_suffix": True}, {"freeze": 0.2}),
        ({"train_suffix": True}, {"lr_suffix": 1e-3}),
        ({"train_suffix": True}, {"pooling": "avgmax"}),
    ],
)
def test_what_a_trial_uses_makes_another_spec(base: Params, change: Params) -> None:
    before, after = SPACE.spec(SPACE.params(LITE, **base)), SPACE.spec({**SPACE.params(LITE, **base), **change})
    assert before != after
    assert before.digest != after.digest


def test_canonical_specs_are_consistent_wherever_they_come_from() -> None:
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(200):
        spec = SPACE.spec(random_params(SPACE, rng))
        kinds.add((spec.kind, spec.is_linear_probe))
        assert (spec.steps == 0) == spec.is_linear_probe
        assert (spec.strength == 0) == (spec.policy == "none") == (spec.views == 1)
        assert spec.strength in (0.0, *STRENGTHS)
        assert (spec.lr_suffix > 0) == (spec.kind == "fine_tuning")
        assert (spec.lr_head > 0) == (spec.weight_decay > 0) == (not spec.is_linear_probe)
        assert spec.skip_cut == 0 or spec.kind == "feature_extraction"
        assert spec.depth == SPACE.of(spec).depth
        assert spec.image_size == SPACE.of(spec).image_size
    assert kinds == {("feature_extraction", True), ("feature_extraction", False), ("fine_tuning", False)}


def test_rates_are_rounded_so_that_near_suggestions_are_one_trial() -> None:
    params = SPACE.params(LITE, train_suffix=True, lr_suffix=2.31e-4, dropout=0.301)
    near = {**params, "lr_suffix": 2.34e-4, "dropout": 0.299}
    assert SPACE.spec(params) == SPACE.spec(near)
    assert SPACE.spec(params).lr_suffix == 2.3e-4
    assert SPACE.spec({**params, "lr_suffix": 2.4e-4}) != SPACE.spec(params)


@pytest.mark.parametrize(
    ("images", "batch", "epochs", "steps"),
    [
        (256, 32, None, 400),  # 10 n / 32 = 80
        (1280, 32, None, 400),
        (3068, 32, None, 958),
        (9600, 32, None, 3000),
        (50_000, 32, None, 3000),
        (3068, 16, None, 958),  # the schedule is counted in steps, whatever the batch
        (100, 32, 5, 20),
        (96, 32, 5, 15),
        (100, 64, 3, 6),
    ],
)
def test_schedule(images: int, batch: int, epochs: int | None, steps: int) -> None:
    assert schedule(images, batch, epochs) == steps


@pytest.mark.parametrize(("epochs", "views"), [(1, 4), (12, 4), (13, 4), (14, 5), (30, 10), (50, 17)])
def test_there_are_a_third_as_many_views_as_epochs_and_at_least_four(epochs: int, views: int) -> None:
    space = replace(SPACE, steps=epochs * 8)  # 256 images in batches of 32
    assert space.views(6, trained=True) == views
    trained = space.spec(space.params(LITE, train_suffix=True, policy="standard"))
    assert trained.views == views
    assert space.spec(space.params(LITE, policy="standard")).views == MIN_VIEWS == 4  # a linear probe has no epochs
    assert space.spec(space.params(LITE, train_suffix=True)).views == 1


def test_where_nothing_is_frozen_every_epoch_has_a_fresh_view() -> None:
    space = make_space(LITE)
    assert space.spec(space.params(LITE, train_suffix=True, freeze_depth=0, policy="standard")).views == 0
    assert space.spec(space.params(LITE, train_suffix=True, freeze_depth=0)).views == 1  # unaltered: one view is all


@pytest.mark.parametrize(
    "change",
    [
        {"candidates": (LITE,)},
        {"candidates": (VGG, LITE)},
        {"candidates": (LITE, replace(VGG, weights="mine"))},
        {"candidates": (LITE, replace(VGG, weights_id="33cc"))},
        {"candidates": (LITE, replace(VGG, image_size=96))},
        {"policies": ("none", "geometric")},
        {"steps": 401},
        {"train_images": 257},
        {"batch_size": 16},
        {"seed": 1},
    ],
    ids=str,
)
def test_the_digest_changes_with_whatever_makes_trials_incomparable(change: dict[str, Any]) -> None:
    assert replace(SPACE, **change).digest != SPACE.digest


def test_the_digest_does_not_depend_on_where_the_weights_lie() -> None:
    moved = replace(SPACE, candidates=(LITE, replace(VGG, weights_file="/elsewhere/vgg.h5")))
    assert moved.digest == SPACE.digest == make_space().digest


def test_a_spec_leads_back_to_its_candidate() -> None:
    mine = replace(VGG, weights="mine", weights_id="33cc")
    space = make_space(LITE, VGG, mine)
    for candidate in space.candidates:
        assert space.of(space.spec(space.params(candidate))) is candidate
        assert space.candidate(candidate.label) is candidate


def test_a_policy_that_the_user_did_not_allow_gives_way_to_one_that_they_did() -> None:
    assert make_space(policies=("none", "flip")).params(LITE, policy="standard")["policy"] == "flip"
    assert make_space(policies=("none",)).params(LITE, policy="standard")["policy"] == "none"
    assert SPACE.params(LITE, policy="standard")["policy"] == "standard"


def test_no_augmentation_is_always_a_policy() -> None:
    assert known_policies(["flip", "color", "flip"]) == ("none", "flip", "color")
    assert known_policies(["color", "none"]) == ("none", "color")
    assert known_policies(POLICIES) == POLICIES


def test_cells() -> None:
    assert [int(middle_of_cell(k, 7) * 7) for k in range(7)] == list(range(7))
