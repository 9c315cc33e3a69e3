"""A database is opened where it was meant to be, whatever its path is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tlsearch.errors import UsageError
from tlsearch.utils.sqlite_urls import sqlite_path, sqlite_url

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
