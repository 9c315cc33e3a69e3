"""The loop: the same seed gives the same trials, also when the study is stopped and continued."""

from __future__ import annotations

import hashlib
import math
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from made_up import LITE, VGG, make_costs, make_space

from tlsearch.records import State, TrialResult, TrialSpec
from tlsearch.search.portfolio import opening
from tlsearch.search.space import Params
from tlsearch.search.study import Finished, Judge, Search

SPACE = make_space()
PROFILE = {c: [0.5 + 0.4 * (n == c.depth // 2) for n in range(c.depth)] for c in (LITE, VGG)}
PORTFOLIO = opening(SPACE, PROFILE, [LITE, VGG])
ROUNDS = 10

RunTrial = Callable[[int, TrialSpec, Judge], TrialResult]


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(autouse=True, scope="module")
def _fast_commits() -> Iterator[None]:
    """Real SQLite files, but nobody waits for the disk: a thousand commits would take minutes on a busy machine."""

    def hurry(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hurry)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hurry)


def hashed(spec: TrialSpec) -> float:
    """0..1, different for every spec."""
    return int.from_bytes(hashlib.sha256(spec.digest.encode()).digest()[:4], "big") / 2**32


def worth(spec: TrialSpec) -> float:
    """A made-up accuracy: suffixes are worth more, best cut in the middle, and nothing is quite alike."""
    middle = 1 - abs(spec.freeze_depth / spec.depth - 0.5)
    return 0.6 + 0.2 * middle * (spec.kind == "suffix") + 0.1 * hashed(spec)


def result(spec: TrialSpec, state: State = "complete", value: float | None = None, reason: str = "") -> TrialResult:
    metrics = {"val_loss": 1 - worth(spec), "val_accuracy": worth(spec)}
    return TrialResult(spec, state, value, 1.0, metrics, reason=reason)


def simulated(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
    """A trial without a network: its curve rises to its worth; some fail and the clock cuts some."""
    if hashed(spec) < 0.05:
        return result(spec, "failed", reason="out of luck")
    rounds = 0 if spec.solved else ROUNDS
    for done in range(1, rounds + 1):
        share = done / rounds
        if judge(done, {"fraction": share, "objective": worth(spec) - 0.3 * (1 - share)}) == "prune":
            return result(spec, "pruned", reason="worse than the median")
        if hashed(spec) > 0.93 and done == 7:
            return result(spec, "censored", reason="its time ended")
    return result(spec, value=worth(spec))


def open_search(
    file: Path | None,
    may_run: Callable[[TrialSpec], bool] = lambda _: True,
    affordable: Callable[[TrialSpec], bool] = lambda _: True,
    portfolio: Sequence[Params] = PORTFOLIO,
    seed: int = 0,
) -> Search:
    """A search whose study lies in ``file``, or in memory."""
    storage = f"sqlite:///{file}" if file else None
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize", load_if_exists=True)
    space = replace(SPACE, seed=seed)
    search = Search(study, space, make_costs(space), may_run, affordable)
    search.enqueue(portfolio)
    return search


def nothing(_: Finished) -> None:
    """Nobody wants to know."""


def run(search: Search, trials: int, run_trial: RunTrial = simulated) -> list[tuple[int, TrialSpec, str, float | None]]:
    """Run until ``trials`` are finished; what there is then, in order."""
    search.run(trials, run_trial, nothing)
    return [(f.number, f.spec, f.state, f.value) for f in search.finished]


TRIALS = 32


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, TrialSpec, str, float | None]]:
    return run(open_search(tmp_path_factory.mktemp("study") / "whole.db"), TRIALS)


def test_the_portfolio_opens_the_search_in_its_order(
    uninterrupted: list[tuple[int, TrialSpec, str, float | None]],
) -> None:
    wanted = list(dict.fromkeys(SPACE.spec(p) for p in PORTFOLIO))
    assert [spec for _, spec, _, _ in uninterrupted[: len(wanted)]] == wanted
    assert len({spec for _, spec, _, _ in uninterrupted}) == TRIALS  # nothing is tried twice
    assert [number for number, *_ in uninterrupted] == list(range(1, TRIALS + 1))
    assert {state for _, _, state, _ in uninterrupted} == {"complete", "pruned", "failed", "censored"}


def test_after_the_portfolio_the_search_learns(
    uninterrupted: list[tuple[int, TrialSpec, str, float | None]],
) -> None:
    proposed = [spec for _, spec, _, _ in uninterrupted[len(PORTFOLIO) :]]
    assert {s.kind for s in proposed} == {"suffix", "frozen"}
    # Suffixes are worth more here: a random search would try them half of the time.
    assert sum(s.kind == "suffix" for s in proposed) > 0.6 * len(proposed)


def test_the_same_seed_gives_the_same_trials(
    uninterrupted: list[tuple[int, TrialSpec, str, float | None]], tmp_path: Path
) -> None:
    assert run(open_search(tmp_path / "again.db"), TRIALS) == uninterrupted
    assert run(open_search(None), TRIALS) == uninterrupted  # whatever the storage


def test_another_seed_gives_other_trials(tmp_path: Path) -> None:
    one, other = (run(open_search(None, seed=seed), 30) for seed in (0, 1))
    strip = [[(s.backbone, s.freeze_depth, s.lr_head, s.policy) for _, s, _, _ in r[18:]] for r in (one, other)]
    assert strip[0] != strip[1]


@pytest.mark.parametrize("stops", [(3, 9), (20, 21, 27)], ids=str)
def test_a_study_that_was_stopped_between_trials_goes_on_as_if_it_had_not(
    stops: tuple[int, ...], uninterrupted: list[tuple[int, TrialSpec, str, float | None]], tmp_path: Path
) -> None:
    for stop in (*stops, TRIALS):
        rows = run(open_search(tmp_path / "study.db"), stop)
        assert rows == uninterrupted[:stop]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("stop", [8, 21])
def test_a_study_that_was_killed_inside_a_trial_takes_that_trial_up_again(
    stop: int, uninterrupted: list[tuple[int, TrialSpec, str, float | None]], tmp_path: Path
) -> None:
    def dying(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        if number < stop:
            return simulated(number, spec, judge)
        judge(1, {"fraction": 0.1, "objective": worth(spec) - 0.27})
        raise Killed

    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS, dying)
    again = open_search(tmp_path / "study.db")
    assert run(again, TRIALS) == uninterrupted
    assert not again.study.get_trials(states=[optuna.trial.TrialState.RUNNING])


def test_a_study_that_was_killed_while_it_asked_asks_the_same_again(
    uninterrupted: list[tuple[int, TrialSpec, str, float | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(open_search(tmp_path / "study.db"), 20)
    suggest = optuna.Trial._suggest

    def dying(self: optuna.Trial, name: str, distribution: Any) -> Any:
        if name == "dropout":
            raise Killed
        return suggest(self, name, distribution)

    monkeypatch.setattr(optuna.Trial, "_suggest", dying)
    with pytest.raises(Killed):
        run(open_search(tmp_path / "study.db"), TRIALS)
    monkeypatch.undo()
    assert run(open_search(tmp_path / "study.db"), 25) == uninterrupted[:25]


def test_the_portfolio_is_put_in_once(tmp_path: Path) -> None:
    run(open_search(tmp_path / "study.db"), 3)
    search = open_search(tmp_path / "study.db")
    waiting = search.study.get_trials(states=[optuna.trial.TrialState.WAITING])
    assert len(waiting) == len(PORTFOLIO) - 3


def test_a_known_spec_is_told_its_value_and_neither_trained_again_nor_counted() -> None:
    good = SPACE.params(LITE)
    same = {**good, "units": 64, "lr_suffix": 1e-3}  # a solved head uses neither
    bad = SPACE.params(VGG)
    search = open_search(None, portfolio=[good, bad, same, {**bad, "units": 65}, SPACE.params(LITE, pooling="avgmax")])
    tried: list[TrialSpec] = []

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        tried.append(spec)
        return result(spec, "failed", reason="x") if spec.backbone == "vgg16" else result(spec, value=0.75)

    assert search.run(3, run_trial, nothing) == "trials"
    assert tried == [SPACE.spec(good), SPACE.spec(bad), SPACE.spec(SPACE.params(LITE, pooling="avgmax"))]
    told = search.study.trials
    assert [t.value for t in told] == [0.75, None, 0.75, None, 0.75]
    assert [t.state.name for t in told] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert [t.user_attrs.get("same_as") for t in told] == [None, None, 1, 2, None]
    assert [f.number for f in search.finished] == [1, 2, 3]


def test_what_does_not_fit_the_time_is_passed_over_until_nothing_else_comes() -> None:
    search = open_search(None, may_run=lambda spec: spec.solved)
    assert search.run(TRIALS, simulated, nothing) == "time"
    assert search.finished
    assert all(f.spec.solved for f in search.finished)
    skipped = [t for t in search.study.trials if "skipped" in t.user_attrs]
    assert skipped
    assert all(t.state.name == "FAIL" for t in skipped)


def test_when_time_is_up_nothing_is_tried() -> None:
    search = open_search(None, may_run=lambda _: False)
    assert search.run(TRIALS, simulated, nothing) == "time"
    assert search.finished == []


def test_a_limit_in_time_gives_a_prefix_of_the_same_trials(
    uninterrupted: list[tuple[int, TrialSpec, str, float | None]],
) -> None:
    left = iter(range(25))
    search = open_search(None, may_run=lambda _: next(left, None) is not None)
    assert search.run(TRIALS, simulated, nothing) == "time"
    assert [(f.number, f.spec, f.state, f.value) for f in search.finished] == uninterrupted[:25]


def test_what_one_trial_may_not_cost_is_neither_run_nor_proposed() -> None:
    search = open_search(None, affordable=lambda spec: spec.backbone != "vgg16")
    run(search, 25)
    assert {f.spec.backbone for f in search.finished} == {"efficientnet_lite0"}
    asked = search.study.trials[len(PORTFOLIO) :]
    assert len(asked) >= 10
    assert sum(t.params["candidate"] == VGG.label for t in asked) <= 2  # only where all 32 proposals were VGG


def test_when_everything_is_known_the_search_ends() -> None:
    space = make_space(LITE, policies=("none",))
    study = optuna.create_study(direction="maximize")
    search = Search(study, space, make_costs(space), lambda _: True, lambda _: True)
    only = space.params(LITE)
    search._distributions = {n: optuna.distributions.CategoricalDistribution([v]) for n, v in only.items()}
    assert search.run(5, simulated, nothing) == "space"
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

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        reason = reasons[number - 1]
        return result(spec, "failed", reason=reason) if reason else result(spec, value=0.5)

    assert search.run(9, run_trial, nothing) == why
    assert len(search.finished) == trials


def test_a_trial_is_compared_with_its_own_kind_only() -> None:
    heads = [SPACE.params(LITE, hidden=True, units=units) for units in (64, 128, 256, 512)]
    suffixes = [SPACE.params(LITE, train_suffix=True, freeze_depth=depth) for depth in (6, 9)]
    search = open_search(None, portfolio=[*heads[:3], *suffixes, heads[3]])

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        level = 0.9 if number <= 3 else 0.2
        for done in range(1, ROUNDS + 1):
            if judge(done, {"fraction": done / ROUNDS, "objective": level}) == "prune":
                return result(spec, "pruned", reason=f"after {done}")
        return result(spec, value=level)

    run(search, 6, run_trial)
    # Poor suffixes have no suffix to be compared with; the poor head meets three good ones after 40 %.
    assert [f.state for f in search.finished] == ["complete"] * 5 + ["pruned"]
    assert search.finished[-1].reason == "after 4"
    assert search.study.trials[5].state.name == "PRUNED"
    assert search.study.trials[5].intermediate_values == {1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2}


def test_a_censored_trial_never_wins() -> None:
    search = open_search(None, portfolio=[SPACE.params(LITE, hidden=True), SPACE.params(LITE)])

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        if spec.solved:
            return result(spec, value=0.5)
        judge(1, {"fraction": 0.5, "objective": 0.99})
        return result(spec, "censored")

    run(search, 2, run_trial)
    assert [f.spec.solved for f in search.best(3)] == [True]


def test_ties_go_to_the_lower_loss_then_to_the_cheaper() -> None:
    params = [SPACE.params(VGG), SPACE.params(LITE), SPACE.params(LITE, pooling="avgmax"), SPACE.params(VGG, tap=0.5)]
    search = open_search(None, portfolio=params)
    numbers = iter([(0.8, 0.5), (0.8, 0.5), (0.8, 0.4), (0.9, 0.9)])

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        value, loss = next(numbers)
        return TrialResult(spec, "complete", value, 1.0, {"val_loss": loss})

    run(search, 4, run_trial)
    search.costs.made.clear()  # as if nothing had been made: VGG costs ten times as much
    assert [f.number for f in search.best(4)] == [4, 3, 2, 1]
    assert [f.number for f in search.best(2)] == [4, 3]


def test_numbers_that_are_not_finite_survive_the_storage(tmp_path: Path) -> None:
    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        return TrialResult(spec, "complete", 0.5, 1.0, {"val_loss": math.inf, "train_loss": math.nan, "c": 0.1})

    run(open_search(tmp_path / "study.db"), 1, run_trial)
    (kept,) = open_search(tmp_path / "study.db").finished
    assert kept.val_loss == math.inf
    assert kept.metrics == {"c": 0.1}


def test_views_that_were_made_are_known_again(tmp_path: Path) -> None:
    first = open_search(tmp_path / "study.db")
    run(first, 25)
    again = open_search(tmp_path / "study.db")
    assert first.costs.made
    assert again.costs.made == first.costs.made
    failed = [f for f in first.finished if f.state == "failed"]
    assert failed  # a failed trial may have made nothing


def test_optuna_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(open_search(tmp_path / "study.db"), 22)
