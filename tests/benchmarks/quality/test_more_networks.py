"""Whole runs with few and with more networks: which are run, which are kept, on which cores, and what is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.results import Result, read_result, write_result
from benchmarks.figures.groups import GROUPS
from benchmarks.quality import more_networks

Quick = Callable[..., Result]
TESTS = {("few", 0): 0.9, ("more", 0): 0.91, ("few", 1): 0.9, ("more", 1): 0.88}


def whole_run(file: Path, test: float) -> None:
    metrics = {"name": "balanced_accuracy", "val": 0.9, "test": test, "test_ci95": [0.8, 0.95], "test_accuracy": 0.92}
    figures = {"winner": "net freeze 3/9", "metrics": metrics, "trials": 5, "seconds": 60}
    figures["images"] = {"train": 1000, "test": 200}
    result = Result(
        benchmark="quality.whole_run",
        command="python -m benchmarks.quality.whole_run",
        commit="0123456789",
        machine={},
        date=None,
        versions={},
        figures=figures,
    )
    write_result(result, file)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the runs that were made; each writes the score of its set and seed."""
    made: list[list[str]] = []

    def run(commands: Sequence[Sequence[str]]) -> None:
        for command in commands:
            made.append(list(command))
            file = Path(command[command.index("--result") + 1])
            name, _, seed = file.stem.partition("-")
            whole_run(file, TESTS[name, int(seed)])

    monkeypatch.setattr(more_networks, "run_in_turn", run)
    return made


def compared(tmp_path: Path, *more: str) -> Result:
    work = ["--few", "a", "--more", "a", "b", "c", "--work", str(tmp_path / "work")]
    result = tmp_path / "result.json"
    assert more_networks.main(["images", "--time-limit", "25m", *work, *more, "--result", str(result)]) == 0
    return read_result(result)


def test_runs_that_are_kept_are_not_made_again(tmp_path: Path, commands: list[list[str]]) -> None:
    compared(tmp_path, "--seeds", "1")
    assert [command[command.index("--seed") + 1] for command in commands] == ["0", "0"]
    assert commands[0][3:6] == ["images", "--time-limit", "25m"]
    assert [command.count("--backbone") for command in commands] == [1, 3]
    result = compared(tmp_path, "--seeds", "2")
    assert [command[command.index("--seed") + 1] for command in commands] == ["0", "0", "1", "1"]
    runs: list[dict[str, Any]] = result.figures["runs"]
    assert [(run["set"], run["seed"], run["test"]) for run in runs] == [(*key, test) for key, test in TESTS.items()]


def test_what_is_written(tmp_path: Path, commands: list[list[str]]) -> None:
    result = compared(tmp_path, "--seeds", "2")
    text = GROUPS["more-networks"].render(result)
    assert "| 1 | 3 | net freeze 3/9 | 0.880 [0.800, 0.950] | 0.920 |" in text
    assert "among `a` (1) and among `a`, `b`, `c` (3), 1,000 training and 200 test images" in text
    assert "changes by +1.0 and -2.0 points" in text
    assert "half of the cores" not in text
    assert GROUPS["more-networks"].brief(result) == "with more networks +1.0 and -2.0 points on test"
    assert len(commands) == 4


@pytest.mark.skipif(len(more_networks.halves_of_the_cores()[0]) == 0, reason="no cores to divide")
def test_each_of_two_runs_has_its_half_of_the_cores(tmp_path: Path) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    code = "import json, os, sys, time; time.sleep(1); json.dump(list(os.sched_getaffinity(0)), open(sys.argv[1], 'w'))"
    more_networks.run_side_by_side([[sys.executable, "-c", code, str(file)] for file in files])
    first, second = (set(json.loads(file.read_text(encoding="utf-8"))) for file in files)
    assert len(first) == len(second) == len(os.sched_getaffinity(0)) // 2
    assert not first & second


@pytest.mark.skipif(len(more_networks.halves_of_the_cores()[0]) == 0, reason="no cores to divide")
def test_a_run_that_fails_is_told_after_both_have_ended(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    commands = [
        [sys.executable, "-c", "raise SystemExit(2)"],
        [sys.executable, "-c", f"import time; time.sleep(1); open({str(ended)!r}, 'w')"],
    ]
    with pytest.raises(subprocess.CalledProcessError, match="status 2"):
        more_networks.run_side_by_side(commands)
    assert ended.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_a_quick_run(quick: Quick) -> None:
    found = quick(more_networks.main, "--few", "stub", "--more", "stub", "efficientnet_lite0").figures
    few, more = found["runs"]
    assert (few["set"], few["networks"]) == ("few", ["stub"])
    assert (more["set"], more["seed"]) == ("more", 0)
    assert 0 <= few["test"] <= 1
