"""The rules of the loop: what is tried, told, passed over, and when it ends."""

from __future__ import annotations

import optuna
import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tests.helpers.pipeline.simulation import (
    EPOCHS,
    SPACE,
    WARM_START,
    in_turn,
    nothing,
    open_search,
    result,
    run,
    simulated,
)
from tlsearch.search.study import Search
from tlsearch.types import Decision, NumberedEpochJudge, TrialResult, TrialSpec


def test_a_known_spec_is_told_its_value_and_neither_trained_again_nor_counted() -> None:
    good = SPACE.params(LITE)
    same = {**good, "units": 64, "lr_suffix": 1e-3}  # a linear probe uses neither
    bad = SPACE.params(VGG)
    search = open_search(None, entries=[good, bad, same, {**bad, "units": 65}, SPACE.params(LITE, pooling="avgmax")])
    tried: list[TrialSpec] = []

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        tried.append(spec)
        return result(spec, "failed", reason="x") if spec.backbone == "vgg16" else result(spec, value=0.75)

    assert search.run(3, in_turn(run_trial), nothing) == "trials"
    assert tried == [SPACE.spec(good), SPACE.spec(bad), SPACE.spec(SPACE.params(LITE, pooling="avgmax"))]
    told = search.study.trials
    assert [t.value for t in told] == [0.75, None, 0.75, None, 0.75]
    assert [t.state.name for t in told] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert [t.user_attrs.get("same_as") for t in told] == [None, None, 1, 2, None]
    assert [f.number for f in search.finished] == [1, 2, 3]


def test_what_does_not_fit_the_time_is_passed_over_until_nothing_else_comes() -> None:
    search = open_search(None, may_run=lambda spec: spec.is_linear_probe and not spec.strength and not spec.skip_cut)
    assert search.run(30, in_turn(simulated), nothing) == "time"
    assert 1 <= len(search.finished) <= 4  # two networks, two poolings
    assert all(f.spec.is_linear_probe for f in search.finished)
    skipped = [t for t in search.study.trials if "skipped" in t.user_attrs]
    assert skipped
    assert all(t.state.name == "FAIL" for t in skipped)


def test_when_time_is_up_nothing_is_tried() -> None:
    search = open_search(None, may_run=lambda _: False)
    assert search.run(30, in_turn(simulated), nothing) == "time"
    assert search.finished == []


def test_what_one_trial_may_not_cost_is_neither_run_nor_proposed() -> None:
    search = open_search(None, affordable=lambda spec: spec.backbone != "vgg16")
    run(search, 25)
    assert {f.spec.backbone for f in search.finished} == {"efficientnet_lite0"}
    asked = search.study.trials[len(WARM_START) :]
    assert len(asked) >= 10
    assert sum(t.params["candidate"] == VGG.label for t in asked) <= 2  # only where all 32 proposals were VGG


def test_when_everything_is_known_the_search_ends() -> None:
    space = make_space(LITE, policies=("none",))
    study = optuna.create_study(direction="maximize")
    search = Search(study, space, make_costs(space), lambda _: True, lambda _: True)
    only = space.params(LITE)
    search._distributions = {n: optuna.distributions.CategoricalDistribution([v]) for n, v in only.items()}
    assert search.run(5, in_turn(simulated), nothing) == "space"
    assert [f.spec for f in search.finished] == [space.spec(only)]


@pytest.mark.parametrize(
    ("reasons", "trials", "why"),
    [
        (["no room"] * 9, 3, "failures"),
        (["a", "b", "a", "b", "a", "b", "a", "b", "a"], 9, "trials"),
        (["", "no room", "no room", "", "no room", "no room", "no room", "", ""], 7, "failures"),
    ],
)
def test_three_failures_in_a_row_for_one_reason_end_the_search(reasons: list[str], trials: int, why: str) -> None:
    search = open_search(None)

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        reason = reasons[number - 1]
        return result(spec, "failed", reason=reason) if reason else result(spec, value=0.5)

    assert search.run(9, in_turn(run_trial), nothing) == why
    assert len(search.finished) == trials


def test_a_trial_is_compared_with_its_own_kind_only() -> None:
    heads = [SPACE.params(LITE, hidden=True, units=units) for units in (64, 128, 256, 512)]
    suffixes = [SPACE.params(LITE, train_suffix=True, freeze_depth=depth) for depth in (6, 9)]
    search = open_search(None, entries=[*heads[:3], *suffixes, heads[3]])

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        level = 0.9 if number <= 3 else 0.2
        for done in range(1, EPOCHS + 1):
            if judge(done, {"fraction": done / EPOCHS, "objective": level}) is Decision.PRUNE:
                return result(spec, "pruned", reason=f"after {done}")
        return result(spec, value=level)

    run(search, 6, run_trial)
    # Poor suffixes have no suffix to be compared with; the poor head meets three good ones after 40 %.
    assert [f.state for f in search.finished] == ["complete"] * 5 + ["pruned"]
    assert search.finished[-1].reason == "after 4"
    assert search.study.trials[5].state.name == "PRUNED"
    assert search.study.trials[5].intermediate_values == {1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2}


def test_a_timed_out_trial_never_wins() -> None:
    search = open_search(None, entries=[SPACE.params(LITE, hidden=True), SPACE.params(LITE)])

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        if spec.is_linear_probe:
            return result(spec, value=0.5)
        judge(1, {"fraction": 0.5, "objective": 0.99})
        return result(spec, "timed_out")

    run(search, 2, run_trial)
    assert [f.spec.is_linear_probe for f in search.best(3)] == [True]


def test_ties_go_to_the_lower_loss_then_to_the_cheaper() -> None:
    params = [
        SPACE.params(VGG, train_suffix=True),  # training it costs ten times as much
        SPACE.params(LITE, train_suffix=True),
        SPACE.params(LITE, pooling="avgmax"),
        SPACE.params(VGG, skip_cut=0.5),
    ]
    search = open_search(None, entries=params)
    numbers = iter([(0.8, 0.5), (0.8, 0.5), (0.8, 0.4), (0.9, 0.9)])

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        value, loss = next(numbers)
        return TrialResult(spec=spec, state="complete", value=value, seconds=1.0, metrics={"val_loss": loss})

    run(search, 4, run_trial)
    assert [f.number for f in search.best(4)] == [4, 3, 2, 1]
    assert [f.number for f in search.best(2)] == [4, 3]
