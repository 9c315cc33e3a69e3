"""What the benchmark of time limits calls late, what it reads from a run that was refused, and a quick run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.common import many_augmentations
from benchmarks.common.results import Result
from benchmarks.common.site import install_plugins
from benchmarks.figures.robustness.limits import time_limits, time_limits_brief
from benchmarks.robustness import time_limits as benchmark
from benchmarks.robustness.time_limits import Row, _ended, others

Quick = Callable[..., Result]


def row(seconds: float, outcome: str = "finished", limit: float = 100.0) -> Row:
    return Row(scenario="a run", limit=limit, seconds=seconds, outcome=outcome)


@pytest.mark.parametrize(
    ("found", "late"),
    [
        (row(109.9), False),
        (row(110.1), True),
        (row(1049.0, limit=1000.0), False),
        (row(1051.0, limit=1000.0), True),
        (row(99.0, "refused"), False),
        (row(101.0, "refused"), True),  # the time was gone
    ],
)
def test_a_run_may_end_a_little_later_and_a_refusal_comes_before(found: Row, late: bool) -> None:
    assert found.late is late


REFUSED = """error: --time-limit is 45s, but it must be 2m30s or more: the shortest
       run of vgg16@imagenet, with a linear probe alone, takes about as long."""


def test_a_refusal_is_told_from_other_errors(tmp_path: Path) -> None:
    refused = _ended(row(20.0), 2, REFUSED, tmp_path)
    assert (refused.outcome, refused.needed) == ("refused", 150.0)
    failed = _ended(row(20.0), 2, "error: there is no such folder", tmp_path)
    assert (failed.outcome, failed.said) == ("failed", "error: there is no such folder")
    assert _ended(row(400.0), None, "", tmp_path).outcome == "hung"


def test_others_compute_only_in_their_time() -> None:
    with others(2, 100.0):
        pass
    began = {process.pid for process in _spinning()}
    with others(1, 0.0):
        assert [p for p in _wait_for_one() if p not in began]
    assert {process.pid for process in _spinning()} <= began


def _spinning() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "sum(range" in " ".join(p.cmdline())]


def _wait_for_one() -> set[int]:
    until = time.monotonic() + 60
    while not (found := {process.pid for process in _spinning()}):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_twenty_augmentations_are_installed_as_a_package_of_their_own(tmp_path: Path) -> None:
    names = {f"shift{number}": f"Shift{number}" for number in range(many_augmentations.COUNT)}
    site = install_plugins(tmp_path, many_augmentations, "tlsearch.augmentations", names)
    (found,) = distributions(path=[str(site)])
    assert len([e for e in found.entry_points if e.group == "tlsearch.augmentations"]) == 20
    code = "import benchmark_many_augmentations as m; print(m.Shift7().name, m.Shift7.hints.by_default)"
    done = subprocess.run([sys.executable, "-c", code], cwd=site, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["shift7", "True"]
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    moved = many_augmentations.Shift().render(images, 1.0, np.random.default_rng(1))
    assert moved.shape == images.shape
    assert sorted(moved.ravel()) == sorted(images.ravel())
    np.testing.assert_array_equal(many_augmentations.Shift().render(images, 0.0, np.random.default_rng(1)), images)


def test_the_table_says_how_each_run_ended() -> None:
    rows = [
        {**vars(row(104.0)), "trials": {"complete": 3, "timed_out": 1}, "tuned": True, "late": False},
        {**vars(row(30.0, "refused")), "needed": 150.0, "late": False},
    ]
    result = Result(
        benchmark="robustness.time_limits", command="python -m benchmarks.robustness.time_limits", commit="0" * 40,
        machine={}, date=None, versions={}, figures={"rows": rows},
    )  # fmt: skip
    shown = time_limits(result)
    assert "| a run | 1m40s | 104 s | 4.0 s | 3 complete, 1 timed out; layers were tuned |" in shown
    assert "| a run | 1m40s | 30 s | no | refused in the plan: 2m30s or more is needed |" in shown
    assert time_limits_brief(result) == "2 runs, 0 late, at most 4 s beyond the limit"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quick_run(quick: Quick) -> None:
    figures = quick(benchmark.main).figures
    (found,) = figures["rows"]
    assert found["outcome"] in ("finished", "refused")
    assert not found["late"]
