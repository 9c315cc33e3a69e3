"""A study in memory of which a database has a copy: both know the same, and the database is not asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from tests.helpers.pipeline.simulation import in_turn, nothing, open_search, run, simulated
from tlsearch.search.storage import open_study
from tlsearch.types import NumberedEpochJudge, TrialResult, TrialSpec


def in_database(file: Path, name: str = "s") -> optuna.Study:
    """The study as another program reads it."""
    return optuna.load_study(study_name=name, storage=f"sqlite:///{file}")


def known(study: optuna.Study) -> list[tuple[Any, ...]]:
    """All that a study knows of its trials, without the ids of its storage."""

    def of(trial: FrozenTrial) -> tuple[Any, ...]:
        times = trial.datetime_start, trial.datetime_complete is not None
        own = trial.user_attrs, trial.system_attrs, trial.intermediate_values
        return trial.number, trial.state, trial.values, trial.params, trial.distributions, times, *own

    return [of(trial) for trial in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize("round_size", [1, 4])
def test_the_database_has_what_memory_has(round_size: int, tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    search = open_search(file, round_size=round_size)
    rows = run(search, 24)
    assert known(in_database(file)) == known(search.study)
    assert in_database(file).user_attrs == search.study.user_attrs
    assert in_database(file).direction == search.study.direction
    again = open_search(file, round_size=round_size)
    assert known(again.study) == known(search.study)
    assert run(again, 30)[:24] == rows
    assert run(open_search(None, round_size=round_size), 30) == run(again, 30)


def test_the_database_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = open_search(tmp_path / "study.db", round_size=4)
    asked: list[str] = []
    for name in ("_get_trials", "get_trial", "get_study_user_attrs"):
        real = getattr(RDBStorage, name)

        def spied(self: Any, *args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            asked.append(_name)
            return _real(self, *args, **more)

        monkeypatch.setattr(RDBStorage, name, spied)
    run(search, 12)
    assert asked == []
    assert len(in_database(tmp_path / "study.db").trials) >= 12
    assert "_get_trials" in asked


def test_a_proposal_is_written_as_a_whole_before_its_trial_runs(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    study = open_study("s", tmp_path, f"sqlite:///{file}")
    space: dict[str, BaseDistribution] = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}
    one, other = study.ask(space), study.ask(space)
    assert in_database(file).trials == []
    study.set_user_attr("round", [one.number, other.number])
    assert known(in_database(file)) == known(study)
    assert [t.state for t in in_database(file).trials] == [TrialState.RUNNING] * 2
    one.report(0.5, 1)
    other.set_user_attr("told", "yes")
    study.tell(other, 0.25)
    study.enqueue_trial({"x": 0.125})
    third = study.ask(space)
    study.tell(third, state=TrialState.FAIL)
    trials = in_database(file).trials
    assert known(in_database(file)) == known(study)
    assert [t.state for t in trials] == [TrialState.RUNNING, TrialState.COMPLETE, TrialState.FAIL]
    assert (trials[0].intermediate_values, trials[2].params) == ({1: 0.5}, {"x": 0.125})


def test_a_process_that_ends_while_it_asks_leaves_nothing_and_the_same_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(open_search(None, round_size=4), 20)
    file, search = tmp_path / "study.db", open_search(tmp_path / "study.db", round_size=4)
    ran: list[int] = []

    def stopped_in_asking(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        ran.append(number)
        if number == 8:  # the last of its round: the next round is asked for after it
            asked: list[int] = []
            ask = search._ask

            def stopping() -> Any:
                if len(asked) == 2:
                    raise KeyboardInterrupt
                asked.append(1)
                return ask()

            monkeypatch.setattr(search, "_ask", stopping)
        return simulated(number, spec, judge)

    with pytest.raises(KeyboardInterrupt):
        search.run(20, in_turn(stopped_in_asking), nothing)
    assert ran == list(range(1, 9))
    assert [t for t in in_database(file).trials if not t.state.is_finished()] == []
    assert run(open_search(file, round_size=4), 20) == whole


def test_studies_of_one_database_do_not_meet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    space: dict[str, BaseDistribution] = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}
    studies = [open_study(name, tmp_path, url) for name in ("one", "other")]
    for number in range(6):  # in turns, so that the ids of the database differ from the numbers
        study = studies[number % 2]
        study.tell(study.ask(space), float(number))
    for name, study in zip(("one", "other"), studies, strict=True):
        assert [t.number for t in study.trials] == [0, 1, 2]
        assert known(in_database(tmp_path / "shared.db", name)) == known(study)
        assert known(open_study(name, tmp_path, url)) == known(study)
