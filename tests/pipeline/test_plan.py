"""What is settled before anything is spent."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import make_data, make_plan
from tests.helpers.pipeline.made_up import (
    IMAGES,
    LITE,
    VGG,
    backbone_facts,
    broken_plugin,
    facts_of,
    installed,
    make_costs,
    make_space,
    plugin_facts,
)
from tlsearch.config import RunConfig
from tlsearch.data.index import ImageRecord, Survey
from tlsearch.data.split import Fold
from tlsearch.errors import PluginError
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.measure import baseline_sizes
from tlsearch.pipeline.messages import plan_lines
from tlsearch.pipeline.preflight import choose_policies, sizes_of
from tlsearch.plugins import weights
from tlsearch.plugins.api import AugmentationHints
from tlsearch.plugins.load_metric import load_metric
from tlsearch.results.schema import LeftOut
from tlsearch.search.cost import COMPILE_SECONDS, Costs
from tlsearch.search.schedule import (
    DEEP_STEPS,
    DEEP_STEPS_OF_FEW,
    FEWEST_STEPS,
    PLANNED_MARGIN,
    TrialTime,
    fit_schedule,
    fitting_steps,
    folds_within,
    left_for_trial,
)

PLUGINS = plugin_facts(broken=(broken_plugin("augmentation", "torn", "torn-plugins", "No module named 'zzz'"),))


@pytest.mark.parametrize(
    ("asked", "policies"),
    [
        ((), ("none", "geometric", "color", "standard")),
        (("flip",), ("none", "flip")),
        (("none",), ("none",)),
        (("color", "none", "flip"), ("none", "color", "flip")),
    ],
)
def test_policies(tmp_path: Path, asked: tuple[str, ...], policies: tuple[str, ...]) -> None:
    assert choose_policies(RunConfig(dataset=tmp_path, augment=asked), PLUGINS) == policies


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flop", "There is no augmentation 'flop': did you mean 'flip'\\?"),
        ("torn", "'torn' of torn-plugins cannot be used: No module named 'zzz'"),
    ],
)
def test_policies_that_are_not_there(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        choose_policies(RunConfig(dataset=tmp_path, augment=("flip", name)), PLUGINS)
    assert caught.value.exit_code == 2


def test_default_policies_that_are_not_installed_are_left_out(tmp_path: Path) -> None:
    bare = plugin_facts(augmentations={"color": PLUGINS.augmentation_hints["color"]})
    assert choose_policies(RunConfig(dataset=tmp_path), bare) == ("none", "color")


def test_an_augmentation_of_another_package_may_take_part_by_default(tmp_path: Path) -> None:
    hints = {name: AugmentationHints(by_default=True) for name in ("blur", "color")}
    hints |= {"weak": AugmentationHints(by_default=True, role="mild"), "rare": AugmentationHints(role="strong")}
    facts = plugin_facts(augmentations=hints)
    assert choose_policies(RunConfig(dataset=tmp_path), facts) == ("none", "weak", "blur", "color")


@pytest.mark.parametrize(
    ("times", "options", "size"),
    [
        (200, {}, 96),
        (199, {}, 128),  # few images are enlarged: 150 is rounded down
        (200, {"image_size": 160}, 160),
        (1, {"image_size": 160}, 160),
    ],
)
def test_sizes_come_from_the_median_short_side(tmp_path: Path, times: int, options: dict[str, Any], size: int) -> None:
    shapes = [(300, 90), (100, 120), (640, 480)] * times
    images = tuple(
        ImageRecord(path=f"a/{n}.png", label=0, sha256="", width=width, height=height)
        for n, (width, height) in enumerate(shapes)
    )
    found = AvailableCandidate(backbone_facts("lite"), weights.from_file("imagenet", installed_file(tmp_path)))
    assert sizes_of(
        [found],
        Survey(root=tmp_path, classes=("a",), images=images, skipped=()),
        RunConfig(dataset=tmp_path, **options),
    ) == [size]


def installed_file(folder: Path) -> Path:
    path = installed(folder, "lite").path
    assert path is not None
    return path


def test_the_small_network_is_never_larger_than_the_images() -> None:
    assert baseline_sizes(224) == [96, 64]
    assert baseline_sizes(80) == [80, 64]
    assert baseline_sizes(48) == [48]


def within(cap: float, left: float = math.inf, *, ships_again: bool = False) -> TrialTime:
    """The time for one trial."""
    return TrialTime(cap=cap, left=left, ships_again=ships_again)


def test_steps_are_the_schedule_where_they_fit_the_cap_of_a_trial() -> None:
    space = make_space(LITE, VGG, steps=1000)
    assert fitting_steps(space, make_costs(space), within(1e6)) == 1000


def test_steps_shrink_until_a_candidate_can_tune_its_last_half() -> None:
    space = make_space(LITE, VGG, steps=1000)
    costs = make_costs(space)
    steps = fitting_steps(space, costs, within(200.0))
    assert FEWEST_STEPS < steps < 1000
    shorter = make_space(LITE, VGG, steps=steps)
    # At least one candidate fits with the views that it asks for, and with more steps none would.
    halves = [
        shorter.spec(shorter.params(c, train_suffix=True, freeze_depth=depth, policy="standard"))
        for c, depth in ((LITE, 6), (VGG, 7))
    ]
    assert min(map(costs.fold_seconds, halves)) == pytest.approx(200.0, rel=0.02)
    assert min(map(costs.seconds, halves)) <= 400.0


def test_views_take_no_longer_than_the_training_that_reads_them() -> None:
    space, many = make_space(LITE, steps=1000), 40 * IMAGES
    costs = Costs(facts={LITE: facts_of(LITE, 1e9, 0.01)}, images=many)
    half = space.spec(space.params(LITE, train_suffix=True, freeze_depth=6, policy="standard"))
    cap = costs.fold_seconds(half)  # the whole schedule could be trained, but not with its views
    assert costs.seconds(half) > 2 * cap
    steps = fitting_steps(space, costs, within(cap))
    shorter = make_space(LITE, steps=steps)
    half = shorter.spec(shorter.params(LITE, train_suffix=True, freeze_depth=6, policy="standard"))
    assert FEWEST_STEPS <= steps < 1000
    assert steps == FEWEST_STEPS or costs.seconds(half) <= 2 * cap


def test_a_tuned_trial_is_short_enough_for_the_time_that_is_left_and_for_what_ships() -> None:
    space = make_space(LITE, steps=1000)
    costs = make_costs(space)

    def seconds(steps: int) -> tuple[float, float]:
        shorter = make_space(LITE, steps=steps)
        half = shorter.spec(shorter.params(LITE, train_suffix=True, freeze_depth=6, policy="standard"))
        return costs.seconds(half), costs.fold_seconds(half)

    left = PLANNED_MARGIN * seconds(1000)[0] / 2
    once = fitting_steps(space, costs, within(1e6, left))
    assert PLANNED_MARGIN * seconds(once)[0] <= left < PLANNED_MARGIN * seconds(once + 1)[0]
    twice = fitting_steps(space, costs, within(1e6, left, ships_again=True))
    assert FEWEST_STEPS < twice < once < 1000
    assert PLANNED_MARGIN * sum(seconds(twice)) <= left < PLANNED_MARGIN * sum(seconds(twice + 1))


@pytest.mark.parametrize(("images", "enough"), [(599, DEEP_STEPS_OF_FEW), (600, DEEP_STEPS)])
def test_where_the_later_half_has_too_few_steps_the_last_stage_is_tuned_for_longer(images: int, enough: int) -> None:
    """Of few images it takes more of them."""
    space = replace(make_space(LITE, steps=1000), train_images=images)
    costs = make_costs(space)
    half, end = (
        space.spec(space.params(LITE, train_suffix=True, freeze_depth=depth, policy=policy))
        for depth, policy in ((6, "standard"), (15, "geometric"))
    )

    def cap_for(steps: int) -> float:
        return costs.fold_seconds(replace(half, steps=steps))

    assert fit_schedule(space, costs, within(cap_for(enough + 1)), fixed=False).steps == enough + 1
    steps = fit_schedule(space, costs, within(cap_for(enough - 20)), fixed=False).steps
    assert steps > 1.5 * enough
    assert costs.fold_seconds(replace(end, steps=steps)) <= cap_for(enough - 20)
    short = make_space(LITE, steps=60)  # a schedule that was shorter anyway
    assert fit_schedule(short, costs, within(cap_for(70)), fixed=False).steps == 60
    asked = fit_schedule(space, costs, within(cap_for(enough - 20)), fixed=True)
    assert asked.steps == 1000


def test_however_short_the_time_is_a_linear_probe_is_affordable() -> None:
    space = make_space(LITE)
    plan = replace(make_plan(space, make_costs(space)), cap=0.01)
    assert plan.affords(space.spec(space.params(LITE)))
    assert not plan.affords(space.spec(space.params(LITE, train_suffix=True)))
    assert not plan.affords(space.spec(space.params(LITE, hidden=True)))


def test_what_comes_before_the_first_tuned_trial_is_counted() -> None:
    many, few = (replace(make_space(LITE), train_images=images) for images in (600, 599))
    costs = make_costs(many)
    probe = few.spec(few.params(LITE, pooling="avgmax", policy=few.policy_of("strong")))
    assert probe.views > 1
    assert left_for_trial(many, costs, 1000.0) < 1000.0 - IMAGES * costs.facts[LITE].forward_seconds
    assert left_for_trial(many, costs, 1000.0) - left_for_trial(few, costs, 1000.0) == pytest.approx(
        costs.seconds(probe)
    )
    plain = replace(make_space(LITE, policies=("none",)), train_images=599)
    assert left_for_trial(plain, costs, 1000.0) == left_for_trial(many, costs, 1000.0)


def test_there_is_a_fewest_number_of_steps() -> None:
    space = make_space(LITE, steps=1000)
    slow = Costs(facts={LITE: facts_of(LITE, 1e9, 1.0)}, images=IMAGES)
    assert fitting_steps(space, slow, within(1.0)) == FEWEST_STEPS
    assert fitting_steps(make_space(LITE, steps=50), slow, within(1.0)) == 50  # a schedule that is shorter stays


def test_a_trained_trial_runs_on_as_many_folds_as_its_cap_allows() -> None:
    space = make_space(LITE, steps=400)
    costs = make_costs(space)
    costs.folds = 5
    half = space.spec(space.params(LITE, train_suffix=True, freeze_depth=6))
    assert folds_within(space, costs, within(0.5 * costs.fold_seconds(half))) == 1
    assert folds_within(space, costs, within(1.01 * costs.seconds_on(half, 3))) == 3
    assert folds_within(space, costs, within(0.99 * costs.seconds_on(half, 3))) == 2
    assert folds_within(space, costs, within(100 * costs.fold_seconds(half))) == 5
    assert folds_within(space, costs, None) == 5


def test_the_folds_of_a_trial() -> None:
    space = make_space(LITE)
    costs = make_costs(space)
    costs.folds, costs.trained_folds = 5, 2
    folds = tuple(Fold((n,), (n + 1,)) for n in range(5))
    plan = make_plan(space, costs, folds=folds)
    solved, tuned = space.spec(space.params(LITE)), space.spec(space.params(LITE, train_suffix=True))
    assert plan.folds_of(solved) == folds
    assert plan.folds_of(tuned) == folds[:2]
    assert plan.folds_of(space.spec(space.params(LITE, hidden=True))) == folds[:2]
    assert costs.train_seconds(solved) == pytest.approx(5 * costs.fold_seconds(solved))
    one = costs.fold_seconds(tuned)  # its model is compiled once
    assert costs.train_seconds(tuned) == pytest.approx(2 * one - COMPILE_SECONDS)


@pytest.mark.parametrize(("images", "asked", "why"), [(60, False, True), (60, True, False), (40, False, False)])
def test_why_a_metric_was_chosen_is_said_where_nobody_asked_for_it(images: int, asked: bool, why: bool) -> None:
    plan = make_plan(data=make_data((0,) * images + (1,) * 15, val=()))
    (line,) = [text for text in plan_lines(plan, 3, None, metric_asked=asked) if text.startswith("choosing by ")]
    assert line == "choosing by accuracy" + (
        ", for the largest class has 4.0 times the images of the smallest" if why else ""
    )


def test_what_is_left_out_for_one_reason_is_one_line() -> None:
    missing = [LeftOut(name, f"weights not found; `tlsearch weights fetch {name}`") for name in ("vgg16", "vgg19")]
    alone = LeftOut("resnet50", "weights not found; `tlsearch weights fetch resnet50` on a machine with a network")
    lines = plan_lines(replace(make_plan(), left_out=(*missing, alone)), 3, None)
    assert [line for line in lines if line.startswith("left out")] == [
        "left out: vgg16, vgg19 - weights not found; `tlsearch weights fetch NAME`",
        "left out: resnet50 - weights not found; `tlsearch weights fetch resnet50` on a machine with a network",
    ]


def test_a_metric_has_its_name_and_a_single_trial_no_plural() -> None:
    data = replace(make_data((0, 1) * 30, val=()), metric=load_metric("macro_f1"))
    lines = plan_lines(make_plan(data=data), 1, None)
    assert "choosing by macro F1" in lines
    assert any(line.startswith("at most 1 trial, no time limit; ") for line in lines)
