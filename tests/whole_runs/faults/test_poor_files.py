"""Runs into folders of file systems that map no files and have no locks: on FUSE, over NFS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.poor_files import poor
from tests.helpers.runs.small_run import MARKS, OPTIONS, PARENT, user_environment
from tlsearch.results.result import read_result

pytestmark = MARKS


def start(
    home: Path, site: Path, images: Path, variables: dict[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    """A run, as a user starts it in ``home``, where the file system is as ``variables`` say."""
    return subprocess.run(
        [sys.executable, "-c", PARENT, "run", str(images), *OPTIONS, "--trials", "3", "--baseline", "none", *more],
        cwd=home,
        env=user_environment(home, site) | variables,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.mark.slow
def test_a_run_reads_what_cannot_be_mapped_and_says_so_once(images: Path, site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "poor"
    folder.mkdir()
    where = ["--output", str(folder / "out"), "--cache-dir", str(folder / "cache")]
    done = start(tmp_path, site, images, poor(maps=folder, locks=folder, shared_memory=True), *where)
    assert done.returncode == 0, done.stderr + done.stdout
    said = " ".join((done.stdout + done.stderr).split())
    assert said.count("does not map files into memory (No such device)") == 2
    assert said.count("has no locks for SQLite (database is locked): study.db is used without them") == 1
    assert "Traceback" not in said
    assert len([row for row in read_result(folder / "out").trials if row.state == "complete"]) >= 3
    assert not [file.name for file in folder.rglob(".tlsearch-*.db*")]


def test_a_record_that_cannot_be_locked_is_one_sentence_before_any_work(
    images: Path, site: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "poor"
    folder.mkdir()
    where = ["--output", "out", "--tracking-uri", f"sqlite:///{folder}/mlflow.db"]
    done = start(tmp_path, site, images, poor(locks=folder), *where)
    assert done.returncode == 2, done.stderr + done.stdout
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "mlflow.db cannot be kept there, for the file system has no locks that SQLite can use (database is l" in line
    assert line.endswith("or a server, with --tracking-uri.")
    assert not (tmp_path / "out").exists()
    assert list(folder.iterdir()) == []
