"""When a search ends early, and what it passes over because its kind cannot win."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pipeline.made_up import LITE
from tests.helpers.pipeline.simulation import SPACE, in_turn, nothing, open_search, result
from tlsearch.search.enough import FEWEST, EarlyStop
from tlsearch.search.study import Search
from tlsearch.types import NumberedEpochJudge, TrialResult, TrialSpec

HEADS = [SPACE.params(LITE, skip_cut_depth=depth, pooling="avgmax") for depth in range(6)]
TUNED = SPACE.params(LITE, train_suffix=True, freeze_depth=6)


def alike(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
    return result(spec, value=0.8)


def far_apart(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
    """Tuned trials are far better than heads, and none is like another."""
    return result(spec, value=(0.93 - 0.01 * (number % 7)) if spec.kind == "fine_tuning" else 0.80 + 0.001 * number)


def test_a_search_ends_where_more_trials_gain_nothing() -> None:
    search = open_search(None, entries=[])
    search.begin_with([], EarlyStop(40, 341))
    assert search.run(40, in_turn(alike), nothing) == "enough"
    assert len(search.finished) == FEWEST


def test_the_warm_start_is_never_cut_short() -> None:
    entries = [SPACE.params(LITE, hidden=True, units=16 * n) for n in range(4, 20)]
    search = open_search(None, entries=[])
    search.begin_with(entries, EarlyStop(40, 341))
    assert search.run(40, in_turn(alike), nothing) == "enough"
    assert len(search.finished) == len(entries) > FEWEST


def test_without_the_rule_all_trials_run() -> None:
    search = open_search(None, entries=[])
    assert search.run(FEWEST + 3, in_turn(alike), nothing) == "trials"


@pytest.mark.parametrize("trials", [20])
def test_heads_that_cannot_win_are_not_proposed_beyond_the_warm_start(trials: int) -> None:
    search = open_search(None, entries=[*HEADS, TUNED])
    search.run(trials, in_turn(far_apart), nothing)
    proposed = [f.spec for f in search.finished[7:]]
    assert len(proposed) == trials - 7
    solved = [spec for spec in proposed if spec.backbone == "efficientnet_lite0" and spec.is_linear_probe]
    assert solved == []
    assert any(spec.kind == "fine_tuning" for spec in proposed)


def test_the_last_trial_of_a_round_may_show_that_there_is_more() -> None:
    """With twelve equal values more trials gain nothing; the thirteenth, of the same round, leaps ahead."""
    search = open_search(None, entries=[], round_size=FEWEST + 1)
    search.begin_with([], EarlyStop(40, 341))

    def leaping(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        return result(spec, value=0.95 if number == FEWEST + 1 else 0.8)

    search.run(40, in_turn(leaping), nothing)
    assert len(search.finished) > FEWEST + 1


@pytest.mark.parametrize("seed", range(4))
def test_time_has_ended_a_search_where_something_did_not_fit_into_it(seed: int) -> None:
    """Whatever was proposed last: of the rest the heads stay too far behind, and what could win has no time."""
    fitting = {replace(SPACE, seed=seed).spec(entry) for entry in (*HEADS, TUNED)}
    search = open_search(None, may_run=fitting.__contains__, entries=[*HEADS, TUNED], seed=seed)
    assert search.run(40, in_turn(far_apart), nothing) == "time"
    assert {finished.spec for finished in search.finished} == fitting


def test_a_search_that_has_ended_asks_for_nothing_more_where_it_is_taken_up_again(tmp_path: Path) -> None:
    """The process was stopped later, as while the best trials were confirmed."""

    def opened() -> Search:
        search = open_search(tmp_path / "study.db", entries=[])
        search.begin_with([], EarlyStop(40, 341))
        return search

    assert opened().run(40, in_turn(alike), nothing) == "enough"
    again = opened()
    assert again.run(40, in_turn(alike), nothing) == "enough"
    assert len(again.finished) == FEWEST


def test_where_all_trials_are_done_that_is_why_it_ended() -> None:
    search = open_search(None, entries=[])
    search.begin_with([], EarlyStop(FEWEST, 341))
    assert search.run(FEWEST, in_turn(alike), nothing) == "trials"
