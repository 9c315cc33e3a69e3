"""Whole runs with several workers: started so that they can be killed, and what they found without what clocks say."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.helpers.runs.small_run import PARENT, run_as_a_user, user_environment

SHARED = ("--baseline", "none", "--round-size", "3", "--threads", "1")
"""What the trials depend on."""


def run_alone(images: Path, home: Path, site: Path, tables: Path) -> None:
    """The run with one worker, which all others are compared with; ``found`` gives what it found."""
    shutil.copy(tables, home)
    run_as_a_user(images, home, site, *SHARED, "--workers", "1")


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
    """Whether a worker computes, be it on a busy machine: one that waits for a request dies without a loss."""
    with contextlib.suppress(psutil.Error):
        return float(worker.cpu_percent(0.1)) > 5
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
