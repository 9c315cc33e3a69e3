"""What is tried first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tlsearch.plugins import registry
from tlsearch.plugins.api import AugmentationHints, TrainingHints
from tlsearch.search.space import LR_HEAD, LR_SUFFIX, SearchHints, SearchSpace
from tlsearch.search.warm_start import SKIP_CUTS, depths_of, rates_of, warm_start
from tlsearch.types import Candidate, TrialSpec

SPACE = make_space()


def peaking(candidate: Candidate, depth: int) -> list[float]:
    """Accuracy by depth with its best after cut ``depth``."""
    return [0.9 if number == depth else 0.5 for number in range(1, candidate.depth + 1)]


PROFILE = {LITE: peaking(LITE, 13), VGG: peaking(VGG, 10)}


def specs(
    space: SearchSpace, profile: dict[Candidate, list[float]], best: list[Candidate], trials: int = 9
) -> list[TrialSpec]:
    """The entries in a run of so many trials."""
    costs = make_costs(space)
    entries = warm_start(space, profile, best, lambda params: costs.operations(space.spec(params)), trials)
    return [space.spec(params) for params in entries]


def test_solved_heads_come_first_for_every_candidate() -> None:
    first = specs(SPACE, PROFILE, [LITE])[:6]
    assert [(s.backbone, s.skip_cut, s.pooling) for s in first] == [
        ("efficientnet_lite0", 0, "avg"),
        ("vgg16", 0, "avg"),
        ("efficientnet_lite0", 13, "avgmax"),
        ("vgg16", 10, "avgmax"),
        ("efficientnet_lite0", 0, "avgmax"),
        ("vgg16", 0, "avgmax"),
    ]
    assert all(s.is_linear_probe and not s.strength for s in first)


def test_where_all_is_frozen_the_head_of_the_courses_is_among_the_first_four() -> None:
    """A flattened map and a hidden layer of 100 units; where the map is too large, averages take its place."""
    frozen = replace(SPACE, candidates=(VGG,), frozen=((VGG.label, VGG.depth),))
    flat = specs(replace(frozen, flattened=((VGG.label, 7 * 7 * 512),)), PROFILE, [VGG], 4)[3]
    assert (flat.kind, flat.pooling, flat.units, flat.strength) == ("feature_extraction", "flatten", 100, 0.0)
    for space in (frozen, replace(frozen, flattened=((VGG.label, 7 * 7 * 512),))):
        trained = [spec for spec in specs(space, PROFILE, [VGG], 40) if not spec.is_linear_probe]
        assert [(spec.units, bool(spec.strength)) for spec in trained] == [(100, False), (256, True)]
        assert all(spec.freeze_depth == VGG.depth for spec in trained)
    both = replace(SPACE, frozen=tuple((c.label, c.depth) for c in (LITE, VGG)))
    costs = make_costs(both)
    once = warm_start(both, PROFILE, [LITE], lambda params: costs.operations(both.spec(params)), 40, once=[VGG])
    (tried,) = [both.spec(p) for p in once if p["candidate"] == VGG.label and p["hidden"]]
    assert tried.units == 100
    deep = specs(replace(SPACE, flattened=((VGG.label, 7 * 7 * 512),)), PROFILE, [VGG], 40)
    assert not any(spec.pooling == "flatten" for spec in deep)  # nobody has asked for it


def test_where_there_are_trials_enough_the_best_ones_are_joined_with_more_cuts() -> None:
    rising = {
        LITE: [*(0.05 * n for n in range(12)), 0.8, 0.9, 0.85, 0.7, 0.6, 0.95],
        VGG: [0.5, *[0.3] * 5, 0.4, 0.9, *[0.3] * 5],
    }
    entries = specs(SPACE, rising, [VGG, LITE], 20)
    assert [(s.backbone, s.skip_cut) for s in entries[2:10]] == [
        ("efficientnet_lite0", 14),
        ("vgg16", 8),
        ("vgg16", 1),
        ("efficientnet_lite0", 15),
        ("vgg16", 7),
        ("efficientnet_lite0", 13),
        ("vgg16", 12),  # of equals the deepest
        ("efficientnet_lite0", 16),
    ]
    assert all(s.is_linear_probe and s.pooling == "avgmax" and not s.strength for s in entries[2:10])
    few = specs(SPACE, rising, [VGG, LITE], 19)  # of which ten would be more than half
    assert [(s.backbone, s.skip_cut) for s in few[4:6]] == [("efficientnet_lite0", 0), ("vgg16", 0)]
    trained = [[s for s in each if not s.is_linear_probe] for each in (entries, few)]
    assert trained[0] == trained[1]
    one = specs(SPACE, rising, [LITE], 14)
    assert [(s.backbone, s.skip_cut) for s in one[4:7]] == [("efficientnet_lite0", depth) for depth in (15, 13, 16)]


@pytest.mark.parametrize(("depth", "joined"), [(1, 0), (2, 1), (3, 2)])
def test_a_network_of_few_cuts_is_joined_with_those_that_it_has(depth: int, joined: int) -> None:
    tiny = replace(LITE, backbone="theirs", depth=depth)
    space = make_space(tiny)
    entries = warm_start(space, {tiny: peaking(tiny, depth)}, [tiny], lambda _: 1.0, 40)
    solved = [s for s in map(space.spec, entries) if s.is_linear_probe and not s.strength]
    assert sorted(s.skip_cut for s in solved) == list(range(joined + 1))


def test_then_what_trains_for_the_best_candidate() -> None:
    deep, late, plain, hidden = specs(SPACE, PROFILE, [LITE])[6:]
    assert {s.backbone for s in (deep, late, plain, hidden)} == {"efficientnet_lite0"}
    assert (deep.kind, deep.freeze_depth, deep.policy, deep.strength) == ("fine_tuning", 6, "standard", 0.5)
    assert (deep.lr_suffix, deep.weight_decay, deep.dropout) == (5e-4, 1e-3, 0.3)
    assert (late.kind, late.freeze_depth, late.policy, late.strength) == ("fine_tuning", 15, "geometric", 0.5)
    assert (late.lr_suffix, late.weight_decay, late.dropout) == (3e-4, 1e-3, 0.3)
    assert plain == replace(late, policy="none", strength=0.0, views=1, dropout=0.2)
    assert (hidden.kind, hidden.units, hidden.dropout) == ("feature_extraction", 256, 0.5)
    assert (hidden.policy, hidden.strength, hidden.lr_head, hidden.weight_decay) == ("standard", 0.5, 1e-3, 1e-2)


@pytest.mark.parametrize(
    ("backbone", "depth", "depths", "rates"),
    [
        ("efficientnet_lite0", 18, (6, 15), (5e-4, 3e-4, 1e-3)),
        ("resnet50", 17, (8, 14), (2e-4, 2e-4, 5e-4)),
        ("vgg16", 13, (7, 10), (5e-5, 1e-4, 1e-4)),
        ("vgg19", 16, (8, 12), (5e-5, 1e-4, 1e-4)),
    ],
)
def test_depths_and_rates_of_the_built_in_backbones(
    backbone: str, depth: int, depths: tuple[int, int], rates: tuple[float, float, float]
) -> None:
    candidate = Candidate(
        backbone=backbone, weights="imagenet", weights_file=None, weights_id="", image_size=160, depth=depth
    )
    hints = registry.load_plugin("backbone", backbone).hints
    assert depths_of(candidate, hints) == depths
    assert rates_of(hints) == rates


@pytest.mark.parametrize("depth", range(1, 40))
def test_an_unknown_backbone_is_cut_in_the_same_places(depth: int) -> None:
    middle, late = depths_of(
        Candidate(backbone="theirs", weights="a", weights_file=None, weights_id="", image_size=160, depth=depth),
        TrainingHints(),
    )
    assert min(1, depth - 1) <= middle <= late < depth
    if depth >= 5:
        assert 1 / 3 <= middle / depth <= 1 / 2
        assert 0.7 <= late / depth <= 0.9


def test_hints_that_leave_nothing_to_train_do_not_count() -> None:
    hints = SPACE.hints_of(LITE)
    assert depths_of(replace(LITE, depth=9), hints) == depths_of(replace(LITE, depth=9), TrainingHints()) == (4, 7)
    assert depths_of(replace(LITE, depth=16), hints) == (6, 15)


def test_what_hints_leave_out_is_the_engines_own() -> None:
    assert depths_of(LITE, TrainingHints(freeze_late=16)) == (8, 16)
    assert depths_of(LITE, TrainingHints(freeze_middle=5)) == (5, 15)
    assert rates_of(TrainingHints(lr_late=1e-3)) == (2e-4, 1e-3, 5e-4)
    assert rates_of(TrainingHints()) == (2e-4, 2e-4, 5e-4)


def test_without_hints_any_backbone_and_any_policy_serve() -> None:
    space = replace(SPACE, policies=("none", "theirs", "ours"), hints=SearchHints())
    deep, late = specs(space, PROFILE, [VGG])[6:8]
    assert (deep.lr_suffix, late.lr_suffix) == (2e-4, 2e-4)
    assert {deep.policy, late.policy} == {"ours"}
    told = SearchHints(augmentations={"theirs": AugmentationHints(role="mild")})
    deep, late = specs(replace(space, hints=told), PROFILE, [VGG])[6:8]
    assert (deep.policy, late.policy) == ("ours", "theirs")


def test_freezing_little_is_tried_only_where_features_peak_early() -> None:
    early = specs(SPACE, {**PROFILE, LITE: peaking(LITE, 6)}, [LITE])[-1]
    assert (early.kind, early.freeze_depth, early.policy, early.strength) == ("fine_tuning", 3, "geometric", 0.75)
    assert early.lr_suffix == 1e-3
    assert len(specs(SPACE, PROFILE, [LITE])) == 10


def test_of_equals_the_deeper_cut_is_joined_with_the_final_features() -> None:
    joined = specs(SPACE, {**PROFILE, LITE: peaking(LITE, 18)}, [LITE])[2]
    assert (joined.backbone, joined.skip_cut) == ("efficientnet_lite0", 17)


def test_two_good_candidates_are_trained_in_turns_the_cheaper_first() -> None:
    trained = specs(SPACE, {**PROFILE, LITE: peaking(LITE, 6)}, [VGG, LITE])[6:]
    assert [s.backbone for s in trained] == ["efficientnet_lite0", "vgg16"] * 4 + ["efficientnet_lite0"]
    assert [s.freeze_depth for s in trained[:6]] == [6, 7, 15, 10, 15, 10]
    costs = make_costs(SPACE)
    for cheap, dear in zip(trained[:8:2], trained[1:8:2], strict=True):
        assert costs.operations(cheap) < costs.operations(dear)


@pytest.mark.parametrize("peak", [2, 13])
def test_every_entry_lies_in_the_search_space(peak: int) -> None:
    distributions = SPACE.distributions()
    entries = warm_start(SPACE, {LITE: peaking(LITE, peak), VGG: peaking(VGG, peak)}, [LITE, VGG], lambda _: 1.0, 40)
    assert len(entries) >= 18
    for params in entries:
        assert set(params) == set(distributions)
        for name, value in params.items():
            assert distributions[name]._contains(distributions[name].to_internal_repr(value)), (name, value)
        assert LR_HEAD[0] <= params["lr_head"] <= LR_HEAD[1]
        assert LR_SUFFIX[0] <= params["lr_suffix"] <= LR_SUFFIX[1]


@pytest.mark.parametrize("allowed", [("none",), ("none", "flip"), ("none", "color", "flip")])
def test_only_policies_that_the_user_allowed(allowed: tuple[str, ...]) -> None:
    tried = specs(make_space(policies=allowed), PROFILE, [LITE])
    assert {s.policy for s in tried} == {"none", allowed[-1]}


@pytest.mark.parametrize(("images", "trials", "tried"), [(256, 40, True), (600, 40, False), (256, 7, False)])
def test_of_few_images_a_linear_probe_sees_augmented_ones_too(images: int, trials: int, tried: bool) -> None:
    space = replace(make_space(LITE), train_images=images)
    entries = specs(space, PROFILE, [LITE], trials)
    found = [s for s in entries if s.is_linear_probe and s.strength]
    assert bool(found) is tried
    assert all((s.pooling, s.policy, s.strength) == ("avgmax", "standard", 0.5) for s in found)
    assert len({s.skip_cut for s in found}) == len(found) == (SKIP_CUTS if tried else 0)
    first_tuned = next(n for n, s in enumerate(entries) if s.kind == "fine_tuning")
    places = [entries.index(s) for s in found]
    assert [n for n in places if n < first_tuned] == places[:1]  # the first one costs seconds
    assert places[1:] == list(range(len(entries) - len(found) + 1, len(entries))) if found else not places
    assert [s.skip_cut for s in found][:1] == ([13] if tried else [])  # that whose features are best as they are


def test_where_nothing_is_augmented_no_probe_is() -> None:
    entries = specs(make_space(LITE, policies=("none",)), PROFILE, [LITE], 40)
    assert not any(s.strength for s in entries)


def test_another_candidate_is_tuned_once_in_the_first_turn() -> None:
    costs = make_costs(SPACE)

    def trained(once: list[Candidate]) -> list[TrialSpec]:
        entries = warm_start(SPACE, PROFILE, [LITE], lambda params: costs.operations(SPACE.spec(params)), 9, once)
        return [spec for spec in map(SPACE.spec, entries) if not spec.is_linear_probe]

    alone, both = trained([]), trained([VGG])
    assert {spec.backbone for spec in alone} == {"efficientnet_lite0"}
    assert [spec for spec in both if spec.backbone == "efficientnet_lite0"] == alone
    assert [(n, spec.kind) for n, spec in enumerate(both) if spec.backbone == "vgg16"] == [(1, "fine_tuning")]
