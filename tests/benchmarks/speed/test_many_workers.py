"""The simulation of many workers: its world, its clock, its searches, and a quick run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from benchmarks.common.results import Result
from benchmarks.common.scheduling import recorded_trials
from benchmarks.common.scheduling.landscape import Landscape
from benchmarks.common.scheduling.recorded_trials import RecordedTrials, WorkOf, read_trials
from benchmarks.common.scheduling.simulated_search import Setting, Simulated, simulate
from benchmarks.common.scheduling.virtual_workers import VirtualPool, VirtualSide
from benchmarks.figures.speed.workers import many_workers as rendered
from benchmarks.figures.speed.workers import many_workers_brief
from benchmarks.speed import many_workers
from tlsearch.results.result import RunResult, write_result
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialSpec
from tlsearch.worker.events import EpochEnd, Event
from tlsearch.worker.protocol import RunTrial

Quick = Callable[..., Result]


@pytest.fixture(scope="module")
def recorded() -> RecordedTrials:
    return read_trials()


@pytest.fixture(scope="module")
def world(recorded: RecordedTrials) -> Landscape:
    return Landscape(recorded, 0)


def complete(recorded: RecordedTrials) -> list[TrialRecord]:
    return [trial for trial in recorded.trials if trial.state == "complete"]


def test_the_trials_of_a_run_are_kept_with_their_times_and_curves(
    recorded: RecordedTrials, sample: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {trial.spec.kind for trial in recorded.trials} == {"feature_extraction", "fine_tuning"}
    assert recorded.source["command"].startswith("python -m benchmarks.quality.whole_run")
    assert [len(trial.curve) for trial in complete(recorded) if trial.spec.kind == "fine_tuning"] == [10] * 3
    write_result(sample, tmp_path)
    monkeypatch.setattr(recorded_trials, "FILE", tmp_path / "recorded.json")
    assert recorded_trials.main([str(tmp_path / "result.json"), "what was typed"]) == 0
    kept = read_trials(tmp_path / "recorded.json")
    rows = [row for row in sample.trials if row.role == "trial"]
    assert [(t.number, t.spec, t.state, t.value) for t in kept.trials] == [
        (row.number, row.spec, row.state, row.value) for row in rows
    ]
    assert [t.seconds for t in kept.trials] == pytest.approx([row.seconds for row in rows], abs=0.01)
    assert kept.source["command"] == "what was typed"


@pytest.mark.parametrize("seed", range(3))
def test_what_was_recorded_is_worth_what_it_was_worth(recorded: RecordedTrials, seed: int) -> None:
    world = Landscape(recorded, seed)
    for trial in complete(recorded):
        assert world.truth(trial.spec) == pytest.approx(trial.score), trial.spec.label
        assert world.seconds(trial.spec) in {other.seconds for other in recorded.trials}
        curve = world.curve(trial.spec)
        assert (not curve) == trial.spec.is_linear_probe
        if curve:
            assert curve[-1][0] == pytest.approx(1.0)


def drawn(recorded: RecordedTrials, count: int) -> list[TrialSpec]:
    """Configurations drawn by chance."""
    space = recorded.space(0)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    return [space.spec(study.ask(space.distributions()).params) for _ in range(count)]


def test_configurations_drawn_by_chance_lie_as_far_below_the_best_as_is_said(
    recorded: RecordedTrials, world: Landscape
) -> None:
    tuned = [spec for spec in drawn(recorded, 600) if spec.kind == "fine_tuning"]
    behind = np.array([world.behind(spec) for spec in tuned])
    assert behind.mean() == pytest.approx(1.0, abs=0.5)
    assert behind.min() < 0.6
    truths = np.array([world.truth(spec) for spec in tuned])
    assert np.corrcoef(behind, truths)[0, 1] < -0.3
    luck = np.array([world.shown(spec) for spec in tuned]) - truths
    assert abs(luck.mean()) < 3 * world.noise / len(tuned) ** 0.5
    assert luck.std() == pytest.approx(world.noise, rel=0.2)
    assert [world.shown(spec) for spec in tuned[:5]] == [world.shown(spec) for spec in tuned[:5]]


def test_trials_take_as_long_as_those_of_their_kind(recorded: RecordedTrials, world: Landscape) -> None:
    kinds: dict[WorkOf, set[float]] = {}
    for trial in recorded.trials:
        kinds.setdefault(replace(WorkOf.trial(trial.spec), frozen=0.0, augmented=False), set()).add(trial.seconds)
    for spec in drawn(recorded, 100):
        work = replace(WorkOf.trial(spec), frozen=0.0, augmented=False)
        work = replace(work, hidden=work.hidden and not work.tuned)
        assert world.seconds(spec) in kinds[work]


def test_jobs_end_in_the_order_of_their_ends_and_free_workers_begin_the_next(world: Landscape) -> None:
    pool = VirtualPool(world, 2)
    side = VirtualSide[Outcome](pool)
    seconds = {"a": 5.0, "b": 2.0, "c": 4.0, "d": 0.5}
    started = {}

    def job(name: str) -> None:
        def run(desk: object) -> Outcome:
            desk.worker.seconds = seconds[name]  # type: ignore[attr-defined]
            started[name] = pool.times.now
            return name  # type: ignore[return-value]

        side.start(name, run)

    waiting, ended = list(seconds), list[tuple[object, float]]()
    while waiting or side.running:
        while waiting and side.can_start():
            job(waiting.pop(0))
        name, worker, outcome = side.next_result()
        assert outcome.result() == name
        ended.append((name, pool.times.now))
        side.release(worker)
    assert ended == [("b", 2.0), ("a", 5.0), ("d", 5.5), ("c", 6.0)]
    assert started == {"a": 0.0, "b": 0.0, "c": 2.0, "d": 5.0}


def test_a_trial_that_is_pruned_takes_a_part_of_its_time(recorded: RecordedTrials, world: Landscape) -> None:
    worker = VirtualPool(world, 1).main
    spec = next(trial.spec for trial in complete(recorded) if trial.spec.kind == "fine_tuning")
    request = RunTrial(candidate=recorded.candidates[0], spec=spec, folds=())
    whole = worker.send(request)
    assert (whole.result.state, whole.result.seconds) == ("complete", world.seconds(spec))
    events: list[Event] = []

    def prune(event: Event) -> Decision:
        events.append(event)
        return Decision.PRUNE if len(events) == 2 else Decision.CONTINUE

    pruned = worker.send(request, prune).result
    assert isinstance(events[1], EpochEnd)
    share = events[1].numbers["fraction"]
    assert (pruned.state, pruned.value) == ("pruned", None)
    assert pruned.seconds == pytest.approx(share * whole.result.seconds)


def searched(recorded: RecordedTrials, folder: Path, setting: Setting) -> Simulated:
    folder.mkdir()
    return simulate(recorded, setting, folder)


def test_workers_change_the_time_of_a_search_and_nothing_else(recorded: RecordedTrials, tmp_path: Path) -> None:
    one = Setting(trials=16, workers=1, round_size=8)
    alone = searched(recorded, tmp_path / "1", one)
    four = searched(recorded, tmp_path / "4", replace(one, workers=4))
    assert (four.trials, four.chosen, four.best) == (alone.trials, alone.chosen, alone.best)
    assert four.times.worked == pytest.approx(alone.times.worked)
    assert alone.times.now == pytest.approx(alone.times.worked)
    assert alone.times.now / 4 <= four.times.now < alone.times.now
    assert four.times.with_parent > four.times.now
    assert four.times.rounds == 2


def test_a_search_that_is_kept_finds_the_same_and_leaves_its_records(recorded: RecordedTrials, tmp_path: Path) -> None:
    setting = Setting(trials=10, workers=2, round_size=4)
    plain = searched(recorded, tmp_path / "plain", setting)
    kept = searched(recorded, tmp_path / "kept", replace(setting, records=True))
    assert (kept.trials, kept.chosen, kept.best) == (plain.trials, plain.chosen, plain.best)
    assert len(list((tmp_path / "kept" / "checkpoint").glob("trial-*.json"))) == 10
    assert (tmp_path / "kept" / "mlflow.db").exists()
    assert kept.parent_ms > plain.parent_ms


def test_rounds_as_a_run_has_them() -> None:
    assert [many_workers.default_round(workers, 40) for workers in (1, 4, 16, 64)] == [1, 8, 32, 40]
    assert many_workers.round_sizes(16, 40) == [16, 32, 40]


def test_a_quick_run(quick: Quick) -> None:
    result = quick(many_workers.main)
    rows = {(row["workers"], row["round"]): row for row in result.figures["rows"]}
    assert set(rows) == {(1, 1), (4, 8)}
    assert rows[1, 1]["speed-up"] == 1.0
    assert rows[1, 1]["loss of the best, points"] == 0.0
    assert 1.0 < rows[4, 8]["speed-up"] <= 4.0
    assert 0.0 <= rows[4, 8]["idle"] < 1.0
    assert [row["round"] for row in result.figures["rounds"]] == [4, 8, 12]
    assert result.figures["kept"][0]["parent, ms a trial"] > 0
    text = rendered(result)
    assert "| trials | workers | round | times as fast |" in text
    assert "The same by the size of the round, for 4 workers and 12 trials:" in text
    assert "4 workers" in many_workers_brief(result)
