"""The benchmark of search quality in small: what it runs, what it counts, what it draws."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from PIL import Image
from rich.console import Console

from tlsearch.errors import TrialError
from tlsearch.search.space import SearchSpace
from tlsearch.types import Candidate, State, TrialResult, TrialSpec
from tlsearch.worker.client import Worker

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import honesty_shuffled as shuffled  # noqa: E402 - found through the path above
import search_curves as curves  # noqa: E402
import search_methods as methods  # noqa: E402
import search_quality as quality  # noqa: E402

LITE = Candidate("efficientnet_lite0", "imagenet", "/w/lite.npz", "11aa", 160, 18)
SPACE = SearchSpace((LITE,), ("none", "standard"), 400, 256, 32, 0)
ROUNDS = 10
SLOW = 3.0
"""Seconds that a profile is made to take."""


def searched(method: str, seed: int, *trials: tuple[float, float | None, str]) -> dict[str, Any]:
    """A search whose trials ended at these seconds with these values and states."""
    rows = [{"ended": at, "value": value, "state": state} for at, value, state in trials]
    return {"method": method, "seed": seed, "seconds": 100.0, "seconds_before_trials": 0.0, "trials": rows}


FOUND: dict[str, Any] = {
    "dataset": "clothing",
    "metric": "accuracy",
    "pruner": "median",
    "time_limit": 100.0,
    "searches": [
        searched("random search", 0, (20, 0.5, "complete"), (80, 0.7, "complete"), (130, 0.9, "complete")),
        searched("random search", 1, (10, 0.6, "complete"), (40, 0.55, "complete")),
        searched("random search", 2, (50, 0.8, "complete")),
        searched("tlsearch", 0, (5, 0.6, "complete"), (16, 0.7, "complete"), (60, 0.85, "complete")),
        searched("tlsearch", 1, (5, 0.5, "complete"), (30, 0.65, "complete"), (31, None, "pruned")),
        searched("tlsearch", 2, (20, 0.9, "timed_out"), (25, 0.75, "complete")),
    ],
}


def test_a_curve_rises_with_complete_trials_that_ended_in_time() -> None:
    search = searched("s", 0, (9, 0.4, "complete"), (4, 0.3, "complete"), (11, 0.9, "complete"), (5, None, "failed"),
                      (6, 0.8, "timed_out"), (7, 0.3, "complete"))  # fmt: skip
    assert curves.curve_of(search, 10) == [(4, 0.3), (9, 0.4)]
    assert curves.value_at([(4, 0.3), (9, 0.4)], 8.9) == 0.3
    assert curves.reached([(4, 0.3), (9, 0.4)], 0.31) == 9
    assert curves.reached([(4, 0.3), (9, 0.4)], 0.5) == np.inf


def test_the_median_curve_begins_where_most_searches_have_a_value() -> None:
    three = [[(1.0, 0.2), (5.0, 0.9)], [(2.0, 0.4)], [(3.0, 0.3)]]
    assert curves.median_curve(three) == [(2.0, 0.2), (3.0, 0.3), (5.0, 0.4)]


def test_methods_are_compared_with_random_search_of_the_same_seed() -> None:
    summary = curves.summarize(FOUND["searches"], 100.0)
    random, ours = summary["random search"], summary["tlsearch"]
    assert random["final"] == {"0": 0.7, "1": 0.6, "2": 0.8}
    assert random["median_final"] == 0.7
    assert random["reaches_random_after"] == {"0": 80, "1": 10, "2": 50}
    assert random["share_of_time_random_found_it"] == 1.0
    assert ours["final"] == {"0": 0.85, "1": 0.65, "2": 0.75}
    assert ours["reaches_random_after"] == {"0": 16, "1": 30, "2": None}
    assert ours["share_of_random_time"] == 0.3  # of .16, .30 and never
    assert ours["share_of_time_random_found_it"] == 3.0  # of 16/80, 30/10 and never
    assert ours["median_curve_reaches_random_after"] == 25  # where they are .7, .5 and .75; the goal is .7


def test_what_is_never_reached_or_not_known_is_none() -> None:
    low = curves.summarize([*FOUND["searches"][:3], searched("tlsearch", 0)], 100.0)["tlsearch"]
    assert low["final"] == {"0": None}
    assert (low["median_final"], low["share_of_random_time"], low["median_curve_share"]) == (None, None, None)
    alone = curves.summarize(FOUND["searches"][3:], 100.0)["tlsearch"]
    assert alone["median_final"] == 0.75
    assert (alone["reaches_random_after"], alone["share_of_random_time"]) == ({}, None)


def test_what_was_written_is_drawn_and_told_without_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "measure", lambda *_: pytest.fail("something was run"))
    file, picture = tmp_path / "found.json", tmp_path / "found.png"
    file.write_text(json.dumps(FOUND), encoding="utf-8")
    assert quality.main(["--draw", str(file), "--picture", str(picture)]) == 0
    *table, line = capsys.readouterr().out.splitlines()
    assert json.loads(line)["summary"] == curves.summarize(FOUND["searches"], 100.0)
    assert any("tlsearch is where random search ends in 0.30 of its time" in row for row in table)
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    colours = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(pixels, axis=0)}
    assert {curves.COLORS["random search"], curves.COLORS["tlsearch"]} <= colours
    assert curves.COLORS["TPE from nothing"] not in colours  # it is not in what was found


def test_searches_that_found_nothing_are_drawn_and_counted_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = [searched(name, 0, (120, 0.9, "complete"), (130, None, "failed")) for name in ("random search", "tlsearch")]
    found = {**FOUND, "searches": late, "summary": curves.summarize(late, 100.0)}
    curves.draw(found, tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000
    curves.print_table(found, Console(width=160))
    text = capsys.readouterr().out
    assert "0/2" in text
    assert "random search found nothing" in text
    found["summary"] = curves.summarize([FOUND["searches"][0], late[1]], 100.0)
    curves.print_table(found, Console(width=160))
    assert "tlsearch is where random search ends not within its time" in capsys.readouterr().out


def test_the_scale_leaves_out_what_is_found_in_the_first_moments() -> None:
    one, other = [(1.0, 0.1), (9.0, 0.5), (50.0, 0.7)], [(20.0, 0.4), (40.0, 0.6)]
    assert curves._limits([[one], [other]], 100.0) == pytest.approx((0.4 - 0.06 * 0.3, 0.7 + 0.06 * 0.3))


def test_a_data_set_or_a_file_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["folder", "--draw", "found.json"]):
        with pytest.raises(SystemExit):
            quality.main(arguments)
        assert "give a data set to search, or --draw FILE.json" in capsys.readouterr().err


class Runner:
    """Stands for the trial runner: a trial's worth depends on its spec; ``clock`` goes on by 1 s a trial."""

    def __init__(self, limit: float = 30.0) -> None:
        self.limit, self.seconds = limit, 0.0
        self.specs: list[TrialSpec] = []
        self.allowed: list[float | None] = []
        self.states: list[str] = []

    def left_for(self) -> float:
        return self.limit - self.seconds

    def execute(
        self, context: Any, spec: TrialSpec, candidate: Candidate, folds: Any, role: str, name: str,
        on_round: Callable[[int, dict[str, float]], str], seconds: float | None, step: str,
    ) -> tuple[TrialResult, None, str]:  # fmt: skip
        assert candidate == LITE
        worth = 0.5 + spec.freeze_depth / 100
        self.specs.append(spec)
        self.allowed.append(seconds)
        self.seconds += 1
        state: State = "complete"
        value: float | None = worth
        for count in range(1, 1 if spec.is_linear_probe else ROUNDS + 1):
            if on_round(count, {"objective": worth * count / ROUNDS, "fraction": count / ROUNDS}) == "prune":
                state, value = "pruned", None
                break
        if len(self.specs) == 3:
            state, value = "failed", None
        self.states.append(state)
        return TrialResult(spec, state, value, 1.0), None, ""


def run(
    method: methods.Method, monkeypatch: pytest.MonkeyPatch, seed: int = 0, pruning: bool = True
) -> tuple[Runner, optuna.Study]:
    """A search that takes 30 trials; what was run and the study."""
    runner, studies = Runner(), []
    real = optuna.create_study

    def create_study(**options: Any) -> optuna.Study:
        studies.append(real(**options))
        return studies[-1]

    monkeypatch.setattr(methods, "execute", runner.execute)
    monkeypatch.setattr(optuna, "create_study", create_study)
    context = SimpleNamespace(config=SimpleNamespace(effective_trials=1000), budget=runner)
    plan = SimpleNamespace(space=SPACE, folds_of=lambda spec: ())
    method(context, plan, seed, pruning)  # type: ignore[arg-type]  # all that is read of them
    monkeypatch.setattr(optuna, "create_study", real)
    return runner, studies[0]


@pytest.mark.parametrize("name", ["random search", "TPE from nothing"])
def test_a_plain_search_asks_runs_and_tells_until_its_time_is_over(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, study = run(methods.METHODS[name], monkeypatch)
    told = study.get_trials()
    assert len(runner.specs) == 30
    assert runner.allowed == [30.0 - n for n in range(30)]
    assert [SPACE.spec(t.params) for t in told] == runner.specs
    names = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    assert [t.state.name for t in told] == [names[state] for state in runner.states]
    assert set(runner.states) == set(names)
    assert [t.value for t in told if t.state.name == "COMPLETE"] == [
        0.5 + s.freeze_depth / 100 for s, state in zip(runner.specs, runner.states, strict=True) if state == "complete"
    ]
    assert run(methods.METHODS[name], monkeypatch)[0].specs == runner.specs
    assert run(methods.METHODS[name], monkeypatch, seed=1)[0].specs != runner.specs


def test_plain_searches_are_optunas_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, sampler in (("random search", "RandomSampler"), ("TPE from nothing", "TPESampler")):
        _, study = run(methods.METHODS[name], monkeypatch)
        assert type(study.sampler).__name__ == sampler
        assert type(study.pruner).__name__ == "MedianPruner"
    runner, study = run(methods.search_randomly, monkeypatch, pruning=False)
    assert type(study.pruner).__name__ == "NopPruner"
    assert "pruned" not in runner.states


def test_tpe_begins_as_random_search_does(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, tpe = (run(methods.METHODS[name], monkeypatch)[0].specs for name in ("random search", "TPE from nothing"))
    assert tpe[:10] == plain[:10]
    assert tpe[10:] != plain[10:]


def test_random_search_is_uniform_and_knows_nothing_of_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [s for seed in range(10) for s in run(methods.search_randomly, monkeypatch, seed)[0].specs]
    suffixes = [s.freeze_depth for s in drawn if s.kind == "fine_tuning"]
    assert len(suffixes) / len(drawn) == pytest.approx(0.5, abs=0.1)
    assert np.mean(suffixes) == pytest.approx(8.5, abs=1.5)
    assert min(suffixes) == 0


def test_a_watched_worker_notes_when_trials_end_and_with_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPACE.spec(SPACE.params(LITE))
    answers = iter([TrialResult(spec, "complete", 0.5, 1.0), TrialError("no room")])

    def trial(*_: Any, **__: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(result=answer)

    monkeypatch.setattr(Worker, "trial", trial)
    worker = quality.WatchedWorker(tmp_path / "log")
    assert worker.trial("trial", spec=spec).result.value == 0.5
    with pytest.raises(TrialError, match="no room"):
        worker.trial("trial", spec=spec)
    (began, ended, good), (_, later, bad) = worker.trials
    assert began <= ended <= later
    assert (good.value, bad.state, bad.reason, bad.spec) == (0.5, "failed", "no room", spec)


def test_a_search_whose_time_ends_is_broken_off_in_the_middle_of_its_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []

    def call(self: Worker, name: str, on_event: Callable[[Any], Any], **_: Any) -> Any:
        worker.ends = time.monotonic() + 3600
        assert on_event("in time") == "heard"
        worker.ends = time.monotonic()
        on_event("too late")

    def hear(event: Any) -> str:
        heard.append(event)
        return "heard"

    monkeypatch.setattr(Worker, "call", call)
    worker = quality.WatchedWorker(tmp_path / "log")
    with pytest.raises(quality.TimeIsUp):
        worker.trial("trial", hear, spec=SPACE.spec(SPACE.params(LITE)))
    assert heard == ["in time"]
    assert [result.state for _, _, result in worker.trials] == ["timed_out"]


def test_the_clock_of_a_search_keeps_no_time_for_what_comes_later() -> None:
    clock = quality.SearchClock(100.0)
    assert clock.share("confirm") is None
    assert clock.fits(99.0, "rest", "confirm")
    assert not clock.fits(100.5)


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_benchmark_in_small(
    tmp_path: Path,
    make_dataset: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Starting a worker takes most of the time, and TPE runs as random search does.
    site = shuffled.install_plugin(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(site))
    profile, profiled = methods.make_profile, []

    def profile_slowly(context: Any, plan: Any) -> Any:
        profiled.append(context.config.seed)
        time.sleep(SLOW)
        return profile(context, plan)

    monkeypatch.setattr(methods, "make_profile", profile_slowly)
    data = make_dataset(tmp_path, per_class=20, splits=("train", "val", "test"), size=32)
    file = tmp_path / "found.json"
    arguments = [str(data), "--backbone", "stub", "--trials", "3", "--time-limit", "300", "--seeds", "4", "--epochs"]
    arguments += ["2", "--method", "random search", "--method", "tlsearch", "--json", str(file)]
    assert quality.main(arguments) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(s["method"], s["seed"]) for s in found["searches"]] == [("random search", 4), ("tlsearch", 4)]
    assert found["images"] == {"training": 60, "validation": 60, "folds": 1}
    assert found["steps"] == 4
    assert set(found["versions"]) >= {"tlsearch", "keras", "tensorflow", "numpy", "python"}
    for search in found["searches"]:
        assert [t["state"] for t in search["trials"]] == ["complete"] * 3
        times = [t[when] for t in search["trials"] for when in ("began", "ended")]
        assert search["seconds_before_trials"] == pytest.approx(times[0], abs=0.06)
        assert times == sorted(times)
        assert times[-1] <= search["seconds"] + 0.1
        assert found["summary"][search["method"]]["final"]["4"] == max(round(t["value"], 4) for t in search["trials"])
    ours = found["searches"][1]
    assert profiled == [4]  # by tlsearch alone, and its time is counted
    assert ours["seconds_before_trials"] >= SLOW
    assert ours["trials"][0]["label"].startswith("stub@random freeze 3/3 head solved")
    assert json.loads(file.read_text(encoding="utf-8"))["searches"] == found["searches"]
    curves.print_table(found, Console(width=160))
    assert "3/3" in capsys.readouterr().out
