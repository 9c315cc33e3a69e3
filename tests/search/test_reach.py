"""Whether a proposal could still be the best."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, make_space
from tlsearch.search.reach import FEWEST, can_win
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import State, TrialSpec

SPACE = make_space()


def spec_of(**chosen: Any) -> TrialSpec:
    return SPACE.spec(SPACE.params(chosen.pop("candidate", LITE), **chosen))


def record(value: float | None, spec: TrialSpec) -> TrialRecord:
    state: State = "complete" if value is not None else "failed"
    return TrialRecord(number=1, spec=spec, state=state, value=value, val_loss=0.5, seconds=1.0)


HEADS = [spec_of(skip_cut_depth=depth, pooling="avgmax") for depth in range(6)]
TUNED = spec_of(train_suffix=True, freeze_depth=6)
HIDDEN = spec_of(hidden=True)
SOLVED = [record(value, spec) for value, spec in zip((0.78, 0.80, 0.82, 0.81, 0.79), HEADS, strict=False)]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_kind_that_stays_far_behind_cannot_win(sign: float) -> None:
    finished = [record(sign * (f.value or 0.0), f.spec) for f in [*SOLVED, record(0.92, TUNED)]]
    assert not can_win(HEADS[5], finished, 1, sign)
    assert can_win(TUNED, finished, 1, sign)


def test_a_kind_that_is_near_may_win() -> None:
    assert can_win(HEADS[5], [*SOLVED, record(0.84, TUNED)], 1, 1.0)


def test_few_trials_of_a_kind_condemn_it_not() -> None:
    assert can_win(HEADS[5], [*SOLVED[: FEWEST - 1], record(0.92, TUNED)], 1, 1.0)


def test_pruned_trials_of_a_kind_count_as_its_median() -> None:
    pruned = [replace(record(None, spec), state="pruned") for spec in HEADS[2:4]]
    finished = [*SOLVED[:2], *pruned, record(0.92, TUNED)]
    assert not can_win(HEADS[5], finished, 1, 1.0)
    assert can_win(HEADS[5], finished[1:], 1, 1.0)  # one complete trial does not say how much they differ
    assert can_win(HEADS[5], [*SOLVED[:2], *pruned, record(0.83, TUNED)], 1, 1.0)


def test_other_networks_heads_and_failures_say_nothing_of_a_kind() -> None:
    finished = [*SOLVED, record(0.92, TUNED)]
    assert can_win(HIDDEN, finished, 1, 1.0)
    assert can_win(spec_of(candidate=VGG), finished, 1, 1.0)
    assert can_win(HEADS[5], [*[record(None, f.spec) for f in SOLVED], record(0.92, TUNED)], 1, 1.0)


def test_the_kind_of_the_best_can_always_win() -> None:
    alike = [record(0.9, spec) for spec in HEADS]  # no spread at all
    assert can_win(HEADS[0], alike, 1, 1.0)
