"""Optuna, quiet and quick."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
import sqlalchemy


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(autouse=True, scope="session")
def _fast_commits() -> Iterator[None]:
    """Real SQLite files, but nobody waits for the disk: a thousand commits would take minutes on a busy machine."""

    def hurry(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", hurry)
    yield
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", hurry)
