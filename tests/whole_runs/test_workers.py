"""Whole runs with several workers: the same trials, values and winner with any number of them, whichever dies."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers.small_run import MARKS, OPTIONS, PARENT, run_as_a_user, user_environment

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("_with_tables")]

SHARED = ("--baseline", "none", "--round-size", "3", "--threads", "1")
"""What the trials depend on."""


def found(home: Path) -> Mapping[str, Any]:
    """What a run found, without what a clock says."""
    result = json.loads((home / "out" / "result.json").read_text(encoding="utf-8"))
    for row in result["trials"]:
        row["metrics"].pop("seconds", None)
    names = ("number", "role", "spec", "state", "value", "folds", "metrics")
    return {
        "trials": [{name: row[name] for name in names} for row in result["trials"]],
        **{name: result[name] for name in ("winner", "profile", "gain", "confusion", "predictions")},
        "histories": result["histories"],
    }


@pytest.fixture(scope="module")
def alone(images: Path, site: Path, tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What one worker finds."""
    home = tmp_path_factory.mktemp("alone")
    shutil.copy(tables, home)
    run_as_a_user(images, home, site, *SHARED, "--workers", "1")
    return found(home)


def test_three_workers_find_what_one_finds(
    alone: Mapping[str, Any], images: Path, site: Path, tmp_path: Path
) -> None:  # two workers: the tests below
    run_as_a_user(images, tmp_path, site, *SHARED, "--workers", "3")
    assert found(tmp_path) == alone
    plan = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["plan"]
    assert (plan["workers"], plan["threads"], plan["round_size"]) == (3, 1, 3)
    assert sum(row["role"] == "trial" for row in alone["trials"]) == 7


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of a run that are alive: one that was killed is a child, without a command, until it is
    waited for."""
    found = []
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):
            if "tlsearch.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def is_working(worker: psutil.Process) -> bool:
    """Whether a worker computes: one that waits for a request dies without a loss."""
    with contextlib.suppress(psutil.Error):
        return float(worker.cpu_percent(0.1)) > 50
    return False


def start(images: Path, home: Path, site: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, *command],
        cwd=home,
        env=user_environment(home, site),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_workers_that_are_killed_in_the_search_change_nothing(
    alone: Mapping[str, Any], images: Path, site: Path, tmp_path: Path
) -> None:
    chance = random.Random(0)
    process = start(images, tmp_path, site, "run", str(images), *OPTIONS, *SHARED, "--workers", "2", "--output", "out")
    checkpoint = tmp_path / "out" / ".tlsearch-work" / "checkpoint"

    def told() -> int:
        return len(list(checkpoint.glob("trial-*.json")))

    for trials in (0, 2, 4):
        wait_until(lambda trials=trials: (tmp_path / "out" / "study.db").exists() and told() >= trials, process)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.3))
        working: list[psutil.Process] = []
        while told() < 7 and process.poll() is None and not working:
            working = [worker for worker in workers_of(process) if is_working(worker)]
        for worker in working[:1]:
            worker.kill()
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed
    assert "once more, alone" in printed
    assert found(tmp_path) == alone


def test_a_run_that_was_killed_is_resumed_with_another_number_of_workers(
    alone: Mapping[str, Any], images: Path, site: Path, tmp_path: Path
) -> None:
    process = start(images, tmp_path, site, "run", str(images), *OPTIONS, *SHARED, "--workers", "2", "--output", "out")
    checkpoint = tmp_path / "out" / ".tlsearch-work" / "checkpoint"
    wait_until(lambda: len(list(checkpoint.glob("trial-*.json"))) >= 2, process)
    process.kill()
    process.communicate()
    resumed = start(images, tmp_path, site, "resume", "out", "--workers", "3")
    printed, _ = resumed.communicate(timeout=600)
    assert resumed.returncode == 0, printed
    assert "3 workers with 1 thread each; trials in rounds of 3" in printed
    assert found(tmp_path) == alone
