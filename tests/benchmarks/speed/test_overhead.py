"""The overhead of a trial: samples go to the right part, and both sides do the same."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.speed import overhead
from benchmarks.speed.overhead_parts import BARE, MESSAGES, PARENT, PARTS, RENEWING, WAITING, WORKER, joined
from benchmarks.speed.overhead_table import Side, summary
from benchmarks.speed.stack_sampler import Rule, Sampler, Segment, seconds_by_part
from tlsearch.types import Candidate, TrialSpec

Quick = Callable[..., Result]

ALL_RULES = (*PARENT, *WORKER, *BARE)


def work(seconds: float) -> None:
    """Something that takes a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        np.sort(np.arange(1000)[::-1])


def rest(seconds: float) -> None:
    """Something else."""
    time.sleep(seconds)


def test_time_is_counted_for_the_part_that_is_on_the_stack() -> None:
    sampler = Sampler([Rule("train", __name__, ("work",)), Rule("rest", "")])
    sampler.start()
    began = time.monotonic()
    work(0.2)
    rest(0.3)
    ended = time.monotonic()
    found = seconds_by_part(sampler.stop(), [(began, ended)])
    assert set(found) == {"train", "rest"}
    assert sum(found.values()) == pytest.approx(ended - began, abs=0.15)
    assert found["train"] == pytest.approx(0.2, abs=0.15)


def test_the_first_rule_that_matches_any_frame_counts() -> None:
    rules = (Rule("inner", "", ("rest",)), Rule("file", __name__), Rule("all", ""))
    sampler = Sampler(rules)
    assert sampler._part(sys._getframe()) == "file"
    assert sampler._part(_frame_of_rest()) == "inner"
    assert Sampler(rules[:1])._part(sys._getframe()) == "unknown"


def _frame_of_rest() -> Any:
    def rest() -> Any:
        return sys._getframe()

    return rest()


def test_what_the_worker_does_replaces_what_the_parent_waits() -> None:
    parent = [
        Segment(0.0, 2.0, "Optuna"),
        Segment(2.0, 6.0, WAITING),
        Segment(6.0, 7.0, "MLflow"),
        Segment(7.0, 9.0, WAITING),
    ]
    worker = [
        Segment(0.0, 2.5, WAITING),
        Segment(2.5, 5.5, "train"),
        Segment(5.5, 6.5, "validate"),  # half of it while the parent no longer waits
        Segment(6.5, 7.5, WAITING),
        Segment(7.5, 20.0, "train"),
    ]
    found = joined(parent, [worker], 1.0, 8.0)
    assert found == pytest.approx({"Optuna": 1, "MLflow": 1, "train": 3.5, "validate": 0.5, MESSAGES: 1.0})
    assert sum(found.values()) == pytest.approx(7)


def test_every_part_is_shown() -> None:
    assert {rule.part for rule in ALL_RULES} - {WAITING} == set(PARTS)


@pytest.mark.parametrize("rule", [rule for rule in dict.fromkeys(ALL_RULES) if rule.module.startswith("tlsearch.")])
def test_rules_name_what_is_there(rule: Rule) -> None:
    spec = importlib.util.find_spec(rule.module)
    assert spec is not None
    assert spec.origin is not None
    files = Path(spec.origin).parent.glob("*.py") if spec.submodule_search_locations else [Path(spec.origin)]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [function for function in rule.functions if f"def {function}(" not in source] == []


@pytest.mark.parametrize("hidden", [True, False])
def test_only_heads_are_proposed(hidden: bool) -> None:
    import optuna

    candidate = Candidate(backbone="stub", weights="random", weights_file=None, weights_id="id", image_size=32, depth=3)
    space = overhead.HeadSpace(
        candidates=(candidate,),
        policies=("none",),
        steps=50,
        train_images=300,
        batch_size=32,
        seed=0,
        hidden=hidden,
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    specs = [space.spec(study.ask(space.distributions()).params) for _ in range(10)]
    assert {(spec.kind, spec.is_linear_probe, spec.strength) for spec in specs} == {
        ("feature_extraction", not hidden, 0.0)
    }
    assert {spec.skip_cut for spec in specs} == {0, 1, 2}
    assert (space.spec(space.params(candidate)).units > 0) is hidden


@pytest.mark.parametrize("name", [overhead.WARM_START, overhead.PRUNE])
def test_what_the_searches_do_without_is_there(name: str) -> None:
    with mock.patch(name) as nothing:
        assert pkgutil.resolve_name(name) is nothing


@pytest.mark.slow
@pytest.mark.timeout(900)
# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
@pytest.mark.usefixtures("stub")
def test_both_sides_fit_the_same_trials(quick: Quick) -> None:
    figures = quick(overhead.main, "--backbone", "stub", "--images", "200", "--trials", "3", "--epochs", "6").figures
    hidden, solved = figures["hidden"], figures["solved"]
    assert (hidden["trials"], solved["trials"], hidden["workers"]) == (3, 2, 1)
    for kind in (hidden, solved):
        for side in ("ours", "bare"):
            seconds = sum(part[side] for part in kind["parts"].values())
            assert seconds == pytest.approx(kind["watched_seconds_a_trial"][side], abs=0.15)
    needed = {"trace", "train", "validate", "build"}
    # Keeping a head takes so little that the sampler may not see it.
    assert needed | {"store reads", "Optuna", "MLflow"} <= {n for n, part in hidden["parts"].items() if part["ours"]}
    assert needed <= {name for name, part in hidden["parts"].items() if part["bare"] > 0.003}
    assert solved["parts"]["solve"]["bare"] > 0.003
    assert not {"solve", RENEWING} & {name for name, part in hidden["parts"].items() if part["ours"] > 0.1}
    # The solver is the same function, so that the values must be; training starts from other initial weights.
    assert solved["value"]["bare"] == pytest.approx(solved["value"]["ours"])
    assert hidden["value"]["bare"] == pytest.approx(hidden["value"]["ours"], abs=0.15)


def test_the_figures_are_seconds_a_trial() -> None:
    specs = (
        TrialSpec(backbone="stub", weights="random", image_size=32, depth=3, freeze_depth=3, units=64),
        TrialSpec(backbone="stub", weights="random", image_size=32, depth=3, freeze_depth=3, units=65),
    )
    sides = {
        "ours": Side(seconds=4.0, specs=specs, values=(0.5, 0.7), parts={}),
        "ours watched": Side(
            seconds=5.0, specs=specs, values=(0.5, 0.7), parts={"train": 2.0, "Optuna": 3.0, "solve": 0.0}, workers=2
        ),
        "bare": Side(seconds=1.0, specs=specs, values=(0.6, 0.8), parts={}),
        "bare watched": Side(seconds=1.2, specs=specs, values=(0.6, 0.8), parts={"train": 1.2}),
    }
    figure = summary(sides)
    assert figure["difference"] == 1.5
    assert figure["trials_a_minute"] == {"ours": 30, "bare": 120}
    assert figure["parts"] == {"train": {"ours": 1.0, "bare": 0.6}, "Optuna": {"ours": 1.5, "bare": 0.0}}
    assert (figure["trials"], figure["workers"]) == (2, 2)
    assert figure["value"] == pytest.approx({"ours": 0.6, "bare": 0.7})
