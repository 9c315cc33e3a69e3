"""Rounds: the trials do not depend on what runs when, nor on where a process is stopped."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import optuna
import pytest

from tests.helpers.pipeline.made_up import LITE
from tests.helpers.pipeline.simulation import (
    EPOCHS,
    SPACE,
    WARM_START,
    Rows,
    in_turn,
    nothing,
    open_search,
    result,
    simulated,
)
from tlsearch.search.rounds import AskedTrial
from tlsearch.search.study import Search
from tlsearch.types import Decision, NumberedEpochJudge, TrialResult, TrialSpec

ENTRIES = WARM_START[:5]
TRIALS = 14
SIZE = 3


def side_by_side(asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
    """All trials of a round at once: the last is over first, and each has all its epochs before any is told."""
    results = [simulated(item.number, item.spec, item.judge) for item in reversed(asked)]
    yield from reversed(results)


def found(search: Search) -> Rows:
    return [(f.number, f.spec, f.state, f.value) for f in search.finished]


def search_in(file: Path | None, size: int = SIZE) -> Search:
    return open_search(file, entries=ENTRIES, round_size=size)


@pytest.fixture(scope="module")
def uninterrupted() -> Rows:
    search = search_in(None)
    assert search.run(TRIALS, in_turn(simulated), nothing) == "trials"
    return found(search)


def test_a_round_may_run_one_after_the_other_or_at_once(uninterrupted: Rows) -> None:
    search = search_in(None)
    search.run(TRIALS, side_by_side, nothing)
    assert found(search) == uninterrupted
    assert [number for number, *_ in uninterrupted] == list(range(1, TRIALS + 1))
    assert len({spec for _, spec, _, _ in uninterrupted}) == TRIALS


def test_trials_are_asked_for_before_any_of_their_round_is_told() -> None:
    search, states = search_in(None), []

    def run_round(asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
        states.append([trial.state.name for trial in search.study.trials])
        yield from side_by_side(asked)

    search.run(7, run_round, nothing)
    assert [row.count("RUNNING") for row in states] == [3, 3, 1]
    assert [len(row) for row in states] == [3, 6, 7]


def test_those_that_run_count_as_bad_ones_where_the_next_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the sampler would propose the same place again: here all would be like the best one."""
    search = open_search(None, entries=WARM_START[:6], round_size=4)
    sampled: list[list[optuna.trial.TrialState]] = []
    ask = search.study.ask

    def spy(*arguments: object) -> optuna.Trial:
        sampled.append([t.state for t in search.study.get_trials(deepcopy=False)])
        return ask(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(search.study, "ask", spy)
    search.run(12, side_by_side, nothing)
    running = [sum(state is optuna.trial.TrialState.RUNNING for state in states) for states in sampled]
    assert running == [0, 1, 2, 3] * 3
    assert len({f.spec for f in search.finished}) == 12
    assert vars(search.study.sampler)["_constant_liar"]


def test_a_trial_is_compared_with_those_of_earlier_rounds_only() -> None:
    heads = [SPACE.params(LITE, hidden=True, units=units) for units in (64, 100, 128, 200, 256, 512)]
    search = open_search(None, entries=heads, round_size=3)

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        level = 0.2 if number in (3, 6) else 0.9
        for done in range(1, EPOCHS + 1):
            if judge(done, {"fraction": done / EPOCHS, "objective": level}) is Decision.PRUNE:
                return result(spec, "pruned", reason=f"after {done}")
        return result(spec, value=level)

    search.run(6, in_turn(run_trial), nothing)
    # The third has two rivals of its own round that are better, and none of an earlier one.
    assert [f.state for f in search.finished] == ["complete"] * 5 + ["pruned"]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("told", [0, 1, 2, 7, 8, 9])
def test_a_round_in_which_a_process_was_stopped_is_taken_up_again(
    told: int, uninterrupted: Rows, tmp_path: Path
) -> None:
    def dying(asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
        for item in asked:
            outcome = simulated(item.number, item.spec, item.judge)
            if item.number > told:
                raise Killed
            yield outcome

    with pytest.raises(Killed):
        search_in(tmp_path / "study.db").run(TRIALS, dying, nothing)
    again = search_in(tmp_path / "study.db")
    assert found(again) == uninterrupted[:told]
    again.run(TRIALS, side_by_side, nothing)
    assert found(again) == uninterrupted
    assert not again.study.get_trials(states=[optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.WAITING])


@pytest.mark.parametrize(("call", "first", "second"), [("ask", 7, 2), ("ask", 8, 1), ("tell", 6, 1), ("tell", 7, 2)])
def test_a_process_that_is_stopped_again_while_it_takes_a_round_up_goes_on(
    call: str, first: int, second: int, uninterrupted: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in the middle of the search, and once more right after it was resumed."""
    whole = getattr(optuna.Study, call)
    for allowed in (first, second):
        left = iter(range(allowed))

        def dying(*arguments: object, left: object = left, **more: object) -> object:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise Killed
            return whole(*arguments, **more)

        with monkeypatch.context() as patch:
            patch.setattr(optuna.Study, call, dying)
            with pytest.raises(Killed):
                search_in(tmp_path / "study.db").run(TRIALS, in_turn(simulated), nothing)
    again = search_in(tmp_path / "study.db")
    again.run(TRIALS, side_by_side, nothing)
    assert found(again) == uninterrupted


def test_a_round_is_finished_also_where_the_search_ends_with_it() -> None:
    search = open_search(None, round_size=4)

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        return result(spec, "failed", reason="no room")

    assert search.run(20, in_turn(run_trial), nothing) == "failures"
    assert len(search.finished) == 4


def test_what_would_not_fit_any_more_when_it_was_its_turn_is_no_trial() -> None:
    search = search_in(None)

    def run_round(asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
        for item in asked:
            yield None if item.number == 2 else simulated(item.number, item.spec, item.judge)

    search.run(5, run_round, nothing)
    numbers = [f.number for f in search.finished]
    assert numbers == sorted(set(numbers))
    assert 2 not in numbers
    assert len(numbers) == 5
    assert [t.state.name for t in search.study.trials if "skipped" in t.user_attrs] == ["FAIL"]
