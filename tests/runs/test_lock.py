"""Two runs that want one folder; a run that was killed in it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tlsearch.errors import UsageError
from tlsearch.runs.lock import HOLDER_NAME, LOCK_NAME, output_lock

HOLDER = """
import sys, time
from pathlib import Path
from tlsearch.runs.lock import output_lock
with output_lock(Path(sys.argv[1])):
    print("inside", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that is inside by now."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    return process


def test_the_second_is_refused_with_the_first_by_name(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        message = rf"Another run is writing into {re.escape(str(tmp_path))} \(process {first.pid}, since 20\d\d-"
        for _ in range(2):  # being refused changes nothing
            with pytest.raises(UsageError, match=message), output_lock(tmp_path):
                pytest.fail("both are inside")
        first.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path, end: signal.Signals) -> None:
    with holder(tmp_path) as first:
        first.send_signal(end)
    assert (tmp_path / LOCK_NAME).exists()
    with output_lock(tmp_path):
        assert json.loads((tmp_path / HOLDER_NAME).read_text())["process"] == os.getpid()


def test_nothing_is_left_and_one_may_follow_the_other(tmp_path: Path) -> None:
    for _ in range(2):
        with output_lock(tmp_path):
            assert (tmp_path / LOCK_NAME).exists()
        assert list(tmp_path.iterdir()) == []

    def fail() -> None:
        with output_lock(tmp_path):
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_two_folders_are_two(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with output_lock(tmp_path), output_lock(tmp_path / "other"):
        assert {lock.parent for lock in tmp_path.rglob(LOCK_NAME)} == {tmp_path, tmp_path / "other"}


def test_what_fails_inside_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="the worker"), output_lock(tmp_path):
        raise TimeoutError("the worker does not answer")


@pytest.mark.parametrize("left", [None, "", "{}", "[1]"], ids=str)
def test_a_holder_that_has_not_said_who_it_is_has_just_begun(tmp_path: Path, left: str | None) -> None:
    with holder(tmp_path) as first:
        (tmp_path / HOLDER_NAME).unlink()
        if left is not None:
            (tmp_path / HOLDER_NAME).write_text(left)
        with pytest.raises(UsageError, match="it has just begun"), output_lock(tmp_path):
            pytest.fail("both are inside")
        first.kill()
