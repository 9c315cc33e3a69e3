"""Whole runs with several workers: the same trials, values and winner with any number of them, whichever dies."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import MakeOnce
from tests.helpers.runs.several_workers import SHARED, found, is_working, run_alone, start, wait_until, workers_of
from tests.helpers.runs.small_run import MARKS, OPTIONS, run_as_a_user

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("_with_tables")]


@pytest.fixture(scope="module")
def alone(once: MakeOnce, images: Path, site: Path, tables: Path) -> Mapping[str, Any]:
    """What one worker finds."""
    return found(once("alone", lambda home: run_alone(images, home, site, tables)))


def test_three_workers_find_what_one_finds(
    alone: Mapping[str, Any], images: Path, site: Path, tmp_path: Path
) -> None:  # two workers: the tests below
    run_as_a_user(images, tmp_path, site, *SHARED, "--workers", "3")
    assert found(tmp_path) == alone
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    plan, spans = result["plan"], result["work_spans"]
    assert {span["worker"] for span in spans if span["kind"] == "trial"} == {1, 2, 3}
    assert {span["node"] for span in spans} == {""}
    assert all(0 <= span["start"] < result["timings"]["total"] for span in spans)
    assert (plan["workers"], plan["threads"], plan["round_size"]) == (3, 1, 3)
    assert sum(row["role"] == "trial" for row in alone["trials"]) == 7


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
