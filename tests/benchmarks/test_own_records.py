"""Runs of benchmarks leave no openings of test sets in the ledger of the user, and read none of their settings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.common.own_records import own_environment
from benchmarks.robustness import soak
from benchmarks.robustness.faults import World
from benchmarks.robustness.kill_and_resume import Home
from tlsearch.runs.ledger import user_ledger

Environment = Mapping[str, str]


def of_soak(folder: Path) -> None:
    soak.Runs(folder, cast("World", SimpleNamespace(login="http://server")), 0).one()


def of_kill_and_resume(folder: Path) -> None:
    Home(folder, "killed", ["--trials", "1"]).start()


@pytest.mark.parametrize("start", [of_soak, of_kill_and_resume])
def test_the_runs_of_a_benchmark_have_a_ledger_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path], None]
) -> None:
    given: list[Environment] = []

    def note(*_: object, env: Environment, **__: object) -> Any:
        given.append(env)
        return SimpleNamespace(returncode=0)

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "the user's")
    monkeypatch.setattr(subprocess, "run", note)
    monkeypatch.setattr(subprocess, "Popen", note)
    start(tmp_path)
    (environment,) = given
    assert Path(environment["XDG_DATA_HOME"]).is_relative_to(tmp_path)
    assert environment.get("MLFLOW_TRACKING_URI") in (None, "http://server")
    assert "MLFLOW_EXPERIMENT_NAME" not in environment


def test_the_ledger_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", own_environment(tmp_path)["XDG_DATA_HOME"])
    assert user_ledger().is_relative_to(tmp_path)
