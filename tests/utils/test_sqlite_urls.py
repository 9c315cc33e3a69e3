"""A database is opened where it was meant to be, whatever its path is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests.helpers.poor_files import poor
from tlsearch.errors import UsageError
from tlsearch.utils.sqlite_urls import moved_with, sqlite_fault, sqlite_path, sqlite_url

NAMES = ["plain", "with space", "a%20b", "what?", "x?y=1", "a#b", "it's", 'say "so"', "né", "100%", "日本", "a;b&c"]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_lies_where_the_path_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.db"
    path.parent.mkdir()
    engine = create_engine(sqlite_url(path), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("create table there (a int)"))
    engine.dispose()
    assert [p.name for p in tmp_path.rglob("*.db")] == [path.name]
    with sqlite3.connect(path) as opened:
        assert opened.execute("select name from sqlite_master").fetchall() == [("there",)]
    opened.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_path_comes_back_from_its_address(name: str) -> None:
    path = Path("/data") / name
    assert sqlite_path(sqlite_url(path)) == (path, "")
    assert sqlite_path(sqlite_url(path, "timeout=30")) == (path, "timeout=30")


def test_an_address_that_needs_no_escape_stays_as_people_write_it() -> None:
    assert sqlite_url(Path("/data/my run/é.db")) == "sqlite:////data/my run/é.db"
    assert sqlite_path("sqlite:///mlflow.db") == (Path("mlflow.db"), "")


def test_what_cannot_be_said_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        database = "another"

    monkeypatch.setattr("sqlalchemy.engine.make_url", lambda _: Other())
    with pytest.raises(UsageError, match=r"/data/a\?b.db cannot be the path of a database, for it holds one of % \? #"):
        sqlite_url(Path("/data/a?b.db"))


PROBE = """
import sys
from pathlib import Path
from sqlalchemy import create_engine, text
from tlsearch.utils.sqlite_urls import sqlite_fault, sqlite_url_without_locks
folder = Path(sys.argv[1])
print(sqlite_fault(folder), "|", sqlite_fault(folder, locks=False), "|", sqlite_fault(folder.parent))
engine = create_engine(sqlite_url_without_locks(folder / "study.db"))
with engine.begin() as connection:
    connection.execute(text("create table there (a int)"))
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_without_locks_is_found_and_can_be_used_without_them(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder)],
        env=os.environ | poor(locks=folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("database is locked |  | \n", "")
    assert [file.name for file in folder.iterdir()] == ["study.db"]
    with sqlite3.connect(folder / "study.db") as opened:
        assert opened.execute("select name from sqlite_master").fetchall() == [("there",)]
    opened.close()


def test_a_folder_that_holds_no_database_is_said(tmp_path: Path) -> None:
    assert sqlite_fault(tmp_path) == ""
    assert sqlite_fault(tmp_path / "none") == "unable to open database file"


@pytest.mark.parametrize("name", NAMES)
def test_a_database_that_was_moved_with_a_folder_is_found(tmp_path: Path, name: str) -> None:
    before, now = tmp_path / "old" / "runs" / "a", tmp_path / name / "runs" / "a"
    now.mkdir(parents=True)
    url = sqlite_url(tmp_path / "old" / "mlflow.db", "timeout=30")
    assert moved_with(url, before, now) == url  # it is nowhere
    (tmp_path / name / "mlflow.db").touch()
    assert moved_with(url, before, now) == sqlite_url(tmp_path / name / "mlflow.db", "timeout=30")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mlflow.db").touch()
    assert moved_with(url, before, now) == url  # the folder alone was moved, or all was copied


@pytest.mark.parametrize(
    "url", ["https://host", "postgresql://host/base", "sqlite:///mlflow.db", "sqlite:///:memory:", "databricks"]
)
def test_what_is_no_file_of_a_known_place_is_not_looked_for(url: str, tmp_path: Path) -> None:
    assert moved_with(url, tmp_path / "a", tmp_path / "b") == url
