"""A few minutes of the soak, and what it would call wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.robustness import soak
from benchmarks.robustness.faults import ADMIN_PASSWORD
from tests.helpers.servers.postgres import PASSWORD as DATABASE_PASSWORD

Quick = Callable[..., Result]


def test_a_password_is_found_in_any_form(tmp_path: Path) -> None:
    (tmp_path / "clean.txt").write_text("https://server/ password")
    assert soak.leaks([tmp_path], b"CREATE TABLE runs") == []
    (tmp_path / "plain.json").write_text(f"https://admin:{ADMIN_PASSWORD}@server")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "quoted.bin").write_bytes(b"\0\xff admin:p%40ss%2Fword-1234@ \0")
    (tmp_path / "header.log").write_text("Authorization: Basic YWRtaW46cEBzcy93b3JkLTEyMzQ=")
    found = soak.leaks([tmp_path], DATABASE_PASSWORD.encode())
    assert {Path(name).name for name in found} == {"a dump of the database", "plain.json", "quoted.bin", "header.log"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_some_minutes(quick: Quick) -> None:
    figures = quick(soak.main, "--minutes", "5").figures
    assert figures["troubles"] == []
    assert figures["runs"] >= 2  # the first one is undisturbed
    assert figures["trials"] >= 4
    assert sum(figures["faults"].values()) >= 1
