"""The same seed gives the same trials, also when the study is stopped and continued."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.helpers.pipeline.simulation import (
    SPACE,
    WARM_START,
    Rows,
    in_turn,
    nothing,
    open_search,
    run,
    simulated,
    worth,
)
from tlsearch.types import NumberedEpochJudge, TrialResult, TrialSpec

TRIALS = 32


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return run(open_search(tmp_path_factory.mktemp("study") / "whole.db"), TRIALS)


@pytest.fixture(scope="module")
def stopped_after_20(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was stopped after twenty trials, to be copied."""
    file = tmp_path_factory.mktemp("stopped") / "study.db"
    run(open_search(file), 20)
    return file


def begun(stop: int, stopped_after_20: Path, file: Path) -> None:
    """Begin the study in ``file`` where it is to be killed late; an early end meets one that was never stopped."""
    if stop > 20:
        shutil.copy(stopped_after_20, file)


def test_the_warm_start_opens_the_search_in_its_order(
    uninterrupted: Rows,
) -> None:
    wanted = list(dict.fromkeys(SPACE.spec(p) for p in WARM_START))
    assert [spec for _, spec, _, _ in uninterrupted[: len(wanted)]] == wanted
    assert len({spec for _, spec, _, _ in uninterrupted}) == TRIALS  # nothing is tried twice
    assert [number for number, *_ in uninterrupted] == list(range(1, TRIALS + 1))
    assert {state for _, _, state, _ in uninterrupted} == {"complete", "pruned", "failed", "timed_out"}


def test_after_the_warm_start_the_search_learns(
    uninterrupted: Rows,
) -> None:
    proposed = [spec for _, spec, _, _ in uninterrupted[len(WARM_START) :]]
    # Suffixes are worth more here: a random search would try them half of the time, and heads cannot win for long.
    assert sum(s.kind == "fine_tuning" for s in proposed) > 0.6 * len(proposed)


def test_the_same_seed_gives_the_same_trials(uninterrupted: Rows) -> None:
    assert run(open_search(None), TRIALS) == uninterrupted  # whatever the storage


def test_another_seed_gives_other_trials(uninterrupted: Rows) -> None:
    other = run(open_search(None, seed=1), 26)
    strip = [
        [(s.backbone, s.freeze_depth, s.lr_head, s.policy) for _, s, _, _ in rows[18:26]]
        for rows in (uninterrupted, other)
    ]
    assert strip[0] != strip[1]


@pytest.mark.parametrize("stops", [(3, 9), (20, 21, 27)], ids=str)
def test_a_study_that_was_stopped_between_trials_goes_on_as_if_it_had_not(
    stops: tuple[int, ...], uninterrupted: Rows, tmp_path: Path
) -> None:
    for stop in (*stops, TRIALS):
        rows = run(open_search(tmp_path / "study.db"), stop)
        assert rows == uninterrupted[:stop]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("stop", [8, 21])
def test_a_study_that_was_killed_inside_a_trial_takes_that_trial_up_again(
    stop: int, uninterrupted: Rows, stopped_after_20: Path, tmp_path: Path
) -> None:
    begun(stop, stopped_after_20, tmp_path / "study.db")

    def dying(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        if number < stop:
            return simulated(number, spec, judge)
        judge(1, {"fraction": 0.1, "objective": worth(spec) - 0.27})
        raise Killed

    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS, dying)
    again = open_search(tmp_path / "study.db")
    assert run(again, TRIALS) == uninterrupted
    assert not again.study.get_trials(states=[optuna.trial.TrialState.RUNNING])
    (closed,) = (t for t in again.study.trials if t.number in again.study.user_attrs["interrupted"])
    assert closed.state is optuna.trial.TrialState.FAIL


def test_a_study_that_was_killed_while_it_asked_asks_the_same_again(
    uninterrupted: Rows, stopped_after_20: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(stopped_after_20, tmp_path / "study.db")
    suggest = optuna.Trial._suggest

    def dying(self: optuna.Trial, name: str, distribution: Any) -> Any:
        if name == "dropout":
            raise Killed
        return suggest(self, name, distribution)

    monkeypatch.setattr(optuna.Trial, "_suggest", dying)
    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS)
    monkeypatch.undo()
    assert run(open_search(tmp_path / "study.db"), 22) == uninterrupted[:22]


def test_the_warm_start_is_tried_once(tmp_path: Path) -> None:
    for stop in (3, 4, len(WARM_START) + 2):
        run(open_search(tmp_path / "study.db"), stop)
    trials = open_search(tmp_path / "study.db").study.trials
    entries = [trial.user_attrs.get("warm_start") for trial in trials]
    assert entries == [*range(len(WARM_START)), None, None]
    assert [trial.params for trial in trials[: len(WARM_START)]] == WARM_START


def test_a_study_that_was_killed_before_it_asked_for_what_it_had_enqueued_asks_for_it_once(
    uninterrupted: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(open_search(tmp_path / "study.db"), 5)

    def dying(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(optuna.Study, "ask", dying)
    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS)
    monkeypatch.undo()
    assert run(open_search(tmp_path / "study.db"), 8) == uninterrupted[:8]


@pytest.mark.parametrize(
    ("stop", "call"), [(3, "tell"), (3, "enqueue_trial"), (21, "set_user_attr"), (21, "tell"), (21, "enqueue_trial")]
)
def test_a_study_that_is_killed_again_while_it_closes_a_trial_goes_on(
    stop: int,
    call: str,
    uninterrupted: Rows,
    stopped_after_20: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun(stop, stopped_after_20, tmp_path / "study.db")

    def dying(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        if number < stop:
            return simulated(number, spec, judge)
        raise Killed

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS, dying)
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, call, killed)
        with pytest.raises(Killed):
            run(open_search(tmp_path / "study.db"), TRIALS)
    assert run(open_search(tmp_path / "study.db"), stop + 2) == uninterrupted[: stop + 2]


def test_a_limit_in_time_gives_a_prefix_of_the_same_trials(
    uninterrupted: Rows,
) -> None:
    left = iter(range(25))
    search = open_search(None, may_run=lambda _: next(left, None) is not None)
    assert search.run(TRIALS, in_turn(simulated), nothing) == "time"
    assert [(f.number, f.spec, f.state, f.value) for f in search.finished] == uninterrupted[:25]


def test_numbers_that_are_not_finite_survive_the_storage(tmp_path: Path) -> None:
    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        return TrialResult(
            spec=spec,
            state="complete",
            value=0.5,
            seconds=1.0,
            metrics={"val_loss": math.inf, "train_loss": math.nan, "c": 0.1},
        )

    run(open_search(tmp_path / "study.db"), 1, run_trial)
    (kept,) = open_search(tmp_path / "study.db").finished
    assert kept.val_loss is None
    assert kept.metrics == {"c": 0.1}


def test_views_that_were_made_are_known_again(tmp_path: Path) -> None:
    first = open_search(tmp_path / "study.db")
    run(first, 25)
    again = open_search(tmp_path / "study.db")
    assert first.costs.made
    assert again.costs.made == first.costs.made
    failed = [f for f in first.finished if f.state == "failed"]
    assert failed  # a failed trial may have made nothing
