"""The searches that are compared: Optuna's own, and tlsearch's, in a quick run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from rich.console import Console

from benchmarks.common.results import Result
from benchmarks.quality import search_curves as curves
from benchmarks.quality import search_methods as methods
from benchmarks.quality import search_quality as quality
from tlsearch.errors import TrialError
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline.profile import make_profile
from tlsearch.search.space import SearchSpace
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Decision, NumberedEpochJudge, State, TrialResult, TrialSpec
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.events import EpochEnd, Event, Listener
from tlsearch.worker.protocol import GetVersions, RunTrial

Quick = Callable[..., Result]

LITE = Candidate(
    backbone="efficientnet_lite0",
    weights="imagenet",
    weights_file="/w/lite.npz",
    weights_id="11aa",
    image_size=160,
    depth=18,
)


SPACE = SearchSpace(
    candidates=(LITE,), policies=("none", "standard"), steps=400, train_images=256, batch_size=32, seed=0
)


EPOCHS = 10
SLOW = 3.0
"""Seconds that a profile is made to take."""


class Runner:
    """Stands for the trial runner: a trial's worth depends on its spec; ``budget`` goes on by 1 s a trial."""

    def __init__(self, limit: float = 30.0) -> None:
        self.limit, self.seconds = limit, 0.0
        self.specs: list[TrialSpec] = []
        self.allowed: list[float | None] = []
        self.states: list[str] = []

    def left_for(self) -> float:
        return self.limit - self.seconds

    def run_trial(self, context: Any, trial: RunningTrial, judge: NumberedEpochJudge) -> CompletedTrial:
        assert trial.candidate == LITE
        spec = trial.spec
        worth = 0.5 + spec.freeze_depth / 100
        self.specs.append(spec)
        self.allowed.append(trial.seconds)
        self.seconds += 1
        state: State = "complete"
        value: float | None = worth
        for count in range(1, 1 if spec.is_linear_probe else EPOCHS + 1):
            numbers = {"objective": worth * count / EPOCHS, "fraction": count / EPOCHS}
            if judge(count, numbers) is Decision.PRUNE:
                state, value = "pruned", None
                break
        if len(self.specs) == 3:
            state, value = "failed", None
        self.states.append(state)
        return CompletedTrial(
            result=TrialResult(spec=spec, state=state, value=value, seconds=1.0), outcome=None, run_id="", epochs=()
        )


def run(
    method: methods.Method, monkeypatch: pytest.MonkeyPatch, seed: int = 0, pruning: bool = True
) -> tuple[Runner, optuna.Study]:
    """A search that takes 30 trials; what was run and the study."""
    runner, studies = Runner(), []
    real = optuna.create_study

    def create_study(**options: Any) -> optuna.Study:
        studies.append(real(**options))
        return studies[-1]

    monkeypatch.setattr(methods, "run_trial", runner.run_trial)
    monkeypatch.setattr(optuna, "create_study", create_study)
    context = SimpleNamespace(config=SimpleNamespace(effective_trials=1000, seed=seed), budget=runner)
    plan = SimpleNamespace(space=SPACE, folds_of=lambda spec: ())
    method(context, plan, None, pruning)  # type: ignore[arg-type]  # all that is read of them
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
    result = TrialResult(spec=spec, state="complete", value=0.5, seconds=1.0)
    replies: Iterator[Any] = iter(
        [{"keras": "3"}, Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32)), TrialError("no room")]
    )

    def send(*_: Any) -> Any:
        reply = next(replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(WorkerClient, "send", send)
    worker = quality.WatchedWorker(tmp_path / "log")
    assert worker.send(GetVersions()) == {"keras": "3"}
    request = RunTrial(candidate=LITE, spec=spec, folds=())
    assert worker.send(request).result.value == 0.5
    with pytest.raises(TrialError, match="no room"):
        worker.send(request)
    (began, ended, good), (_, later, bad) = worker.trials
    assert began <= ended <= later
    assert (good.value, bad.state, bad.reason, bad.spec) == (0.5, "failed", "no room", spec)


def test_a_search_whose_time_ends_is_broken_off_in_the_middle_of_its_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    in_time, late = EpochEnd({"epoch": 1.0}), EpochEnd({"epoch": 2.0})

    def send(self: WorkerClient, request: RunTrial, listener: Listener) -> None:
        worker.ends = time.monotonic() + 3600
        assert listener(in_time) is Decision.PRUNE
        worker.ends = time.monotonic()
        listener(late)

    def listen(event: Event) -> Decision:
        events.append(event)
        return Decision.PRUNE

    monkeypatch.setattr(WorkerClient, "send", send)
    worker = quality.WatchedWorker(tmp_path / "log")
    with pytest.raises(quality.TimeIsUp):
        worker.send(RunTrial(candidate=LITE, spec=SPACE.spec(SPACE.params(LITE)), folds=()), listen)
    assert events == [in_time]
    assert [result.state for _, _, result in worker.trials] == ["timed_out"]


def test_the_budget_of_a_search_keeps_no_time_for_what_comes_later() -> None:
    budget = quality.SearchBudget(limit=100.0)
    assert budget.share("confirm") is None
    assert budget.fits(99.0, "rest", "confirm")
    assert not budget.fits(100.5)


@pytest.mark.slow
@pytest.mark.timeout(900)
# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.usefixtures("stub")
def test_a_quick_run(
    quick: Quick, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiled = []

    def profile_slowly(context: Any, plan: Any) -> Any:
        profiled.append(context.config.seed)
        time.sleep(SLOW)
        return make_profile(context, plan)

    monkeypatch.setattr("benchmarks.quality.search_methods.make_profile", profile_slowly)
    partial = tmp_path / "partial.json"
    # Starting a worker takes most of the time, and TPE runs as random search does.
    asked = ["--method", "random search", "--method", "tlsearch", "--partial", str(partial), "--seeds", "4"]
    asked += ["--backbone", "stub", "--trials", "3", "--epochs", "2", "--time-limit", "5m"]
    result = quick(quality.main, *asked)
    found = result.figures
    assert result.benchmark == "quality.search_quality"
    assert [(s["method"], s["seed"]) for s in found["searches"]] == [("random search", 4), ("tlsearch", 4)]
    assert found["images"] == {"training": 60, "validation": 40, "folds": 1}
    assert found["steps"] == 4
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
    assert found["profile_seconds"] == [ours["seconds_before_trials"]] * 2
    assert ours["trials"][0]["label"].startswith("stub@random freeze 3/3 linear probe")
    assert json.loads(partial.read_text(encoding="utf-8"))["searches"] == found["searches"]
    curves.print_table(found, Console(width=160))
    assert "3/3" in capsys.readouterr().out
