"""What trials cost, before anyone runs them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.made_up import IMAGES, LITE, VGG, facts_of, make_costs, make_space
from tlsearch.search.cost import (
    COMPILE_SECONDS,
    FIXED_OPERATIONS,
    FIXED_SECONDS,
    RENDER_PER_VALUE,
    RENDER_SECONDS,
    TRAIN_FACTOR,
    Costs,
)
from tlsearch.search.space import Params
from tlsearch.types import TrialSpec

SPACE = make_space()


def spec(**chosen: object) -> TrialSpec:
    return SPACE.spec(SPACE.params(LITE, **chosen))


def suffix(depth: int, **chosen: object) -> TrialSpec:
    return spec(train_suffix=True, freeze_depth=depth, **chosen)


def test_the_first_solved_head_pays_for_one_pass_over_the_images() -> None:
    costs = make_costs(SPACE)
    assert costs.operations(spec()) == pytest.approx(FIXED_OPERATIONS + IMAGES * 1e9)
    assert costs.view_seconds(spec()) == pytest.approx(IMAGES * 0.01)


def test_what_an_earlier_trial_made_is_not_paid_again() -> None:
    costs = make_costs(SPACE)
    costs.remember(spec())
    assert costs.operations(spec()) == FIXED_OPERATIONS
    assert costs.view_seconds(spec()) == 0
    assert costs.seconds(spec()) == costs.train_seconds(spec())
    assert costs.operations(spec(pooling="avgmax")) == FIXED_OPERATIONS  # both poolings are made at once
    assert costs.operations(SPACE.spec(SPACE.params(VGG))) > FIXED_OPERATIONS  # another network has made nothing


def test_where_nothing_is_stored_every_trial_takes_the_time_for_its_features() -> None:
    """The operations by which trials are proposed do not depend on it."""
    stored, unstored = make_costs(SPACE), replace(make_costs(SPACE), made=set(), stored=False)
    for tried in (spec(), suffix(6, policy="geometric")):
        for costs in (stored, unstored):
            costs.remember(tried)
        assert stored.operations(tried) == unstored.operations(tried)
        assert stored.view_seconds(tried) == 0
    assert unstored.view_seconds(spec()) == pytest.approx(IMAGES * 0.01)
    # Behind every batch the frozen third of the network computes, which a training step takes three times.
    steps = [costs.seconds_on(suffix(6), 1) - COMPILE_SECONDS for costs in (stored, unstored)]
    assert steps[1] / steps[0] == pytest.approx((3 * 2 / 3 + 1 / 3) / (3 * 2 / 3))


@pytest.mark.parametrize(
    "chosen",
    [
        {"policy": "geometric"},
        {"policy": "standard", "train_suffix": True, "freeze_depth": 6},
        {"skip_cut_depth": 5},
        {"train_suffix": True, "freeze_depth": 6},
        {"train_suffix": True, "freeze_depth": 0, "policy": "color"},
    ],
    ids=str,
)
def test_the_second_trial_of_a_kind_is_cheaper(chosen: Params) -> None:
    costs = make_costs(SPACE)
    one = spec(**chosen)
    before = costs.operations(one), costs.seconds(one)
    costs.remember(one)
    after = costs.operations(one), costs.seconds(one)
    assert after[0] < before[0]
    assert after[1] < before[1]
    assert costs.view_seconds(one) == 0
    other = spec(**{**chosen, "strength": 1.0})
    if one.strength and one.views:
        assert costs.operations(other) > after[0]  # another strength is other views


def test_views_that_a_deeper_trial_can_start_from_are_cheaper() -> None:
    fresh, warm = make_costs(SPACE), make_costs(SPACE)
    warm.remember(suffix(6, policy="standard"))  # cut 6 ends a stage
    deeper = suffix(12, policy="standard")
    assert warm.operations(deeper) < fresh.operations(deeper)
    # What is left when the plain images are through: cuts 7 to 12 of 18 for every augmented view.
    warm.remember(suffix(12))
    assert deeper.views == 17
    assert warm.view_seconds(deeper) == pytest.approx(17 * IMAGES * 0.01 * 6 / 18)


@pytest.mark.parametrize("policy", ["none", "standard"])
def test_freezing_deeper_costs_less_training(policy: str) -> None:
    costs = make_costs(SPACE)
    trials = [suffix(depth, policy=policy) for depth in range(18)]
    for trial in trials:
        costs.remember(trial)
    operations = [costs.operations(trial) for trial in trials]
    seconds = [costs.train_seconds(trial) for trial in trials]
    assert operations == sorted(operations, reverse=True)
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) == len(set(operations)) == 18
    # Half of the network trained for 400 steps of 32 images.
    assert operations[9] == pytest.approx(FIXED_OPERATIONS + TRAIN_FACTOR * 400 * 32 * 0.5e9)
    assert seconds[9] == pytest.approx(COMPILE_SECONDS + 400 * 32 * 0.01 * 3.0 * 0.5 * 1.1)


def test_heads_are_cheaper_than_suffixes() -> None:
    costs = make_costs(SPACE)
    for trial in (spec(), spec(hidden=True), suffix(15)):
        costs.remember(trial)
    assert FIXED_SECONDS <= costs.train_seconds(spec()) < costs.train_seconds(spec(hidden=True))
    assert costs.train_seconds(spec(hidden=True)) < costs.train_seconds(suffix(15))


def test_the_estimate_depends_on_nothing_but_what_was_tried() -> None:
    tried = [spec(), suffix(6, policy="standard"), spec(skip_cut_depth=5, policy="color"), suffix(3)]
    one, other = make_costs(SPACE), make_costs(SPACE)
    for trial in tried:
        one.remember(trial)
    for trial in reversed(tried):
        other.remember(trial)
    questions = [spec(), suffix(12, policy="standard"), spec(policy="color", pooling="avgmax"), suffix(0)]
    assert [one.operations(q) for q in questions] == [other.operations(q) for q in questions]
    assert one.made == other.made


def test_operations_do_not_depend_on_how_fast_the_machine_is() -> None:
    fast, slow = (Costs(facts={LITE: facts_of(LITE, 1e9, seconds)}, images=IMAGES) for seconds in (0.01, 1.0))
    for question in (spec(), suffix(6, policy="standard")):
        assert fast.operations(question) == slow.operations(question)
        assert fast.seconds(question) < slow.seconds(question)


def test_fresh_views_are_rendered_for_every_image_of_every_step() -> None:
    costs = make_costs(SPACE)
    plain, fresh = suffix(0), suffix(0, policy="standard")
    pixels = fresh.steps * fresh.batch_size * fresh.image_size**2
    assert costs.operations(fresh) - costs.operations(plain) == pytest.approx(3 * RENDER_PER_VALUE * pixels)
    assert costs.fold_seconds(fresh) - costs.fold_seconds(plain) == pytest.approx(RENDER_SECONDS * pixels)
    assert costs.view_seconds(fresh) == costs.view_seconds(plain)


def test_seconds_know_how_long_a_policy_takes_on_this_machine_and_operations_do_not() -> None:
    usual, slow = make_costs(SPACE), make_costs(SPACE)
    slow.rendering = {"standard": 5 * RENDER_SECONDS, "color": RENDER_SECONDS}
    fresh, kept, other = suffix(0, policy="standard"), suffix(6, policy="standard"), suffix(6, policy="color")
    pixels = fresh.steps * fresh.batch_size * fresh.image_size**2
    assert slow.fold_seconds(fresh) - usual.fold_seconds(fresh) == pytest.approx(4 * RENDER_SECONDS * pixels)
    views = kept.views * IMAGES * kept.image_size**2
    assert slow.view_seconds(kept) - usual.view_seconds(kept) == pytest.approx(4 * RENDER_SECONDS * views)
    assert slow.seconds(other) == usual.seconds(other)
    assert slow.render_seconds("mine") == 5 * RENDER_SECONDS  # nobody measured it: as slow as the slowest
    assert slow.operations(kept) == usual.operations(kept)
