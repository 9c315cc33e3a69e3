"""Whether the database of MLflow's records can be opened: asked once, for MLflow alone would try for minutes."""

from __future__ import annotations

import threading
from pathlib import Path

from tlsearch.errors import TrackingError
from tlsearch.tracking.location import Location
from tlsearch.tracking.quiet import first_line
from tlsearch.utils.passwords import remember
from tlsearch.utils.sqlite_urls import sqlite_path

PATIENCE = 20.0
"""Seconds that a database has for its answer."""

_KINDS = ("mssql", "mysql", "postgresql")
_DRIVERS = {"MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary"}
"""The distributions of drivers, where their modules are called otherwise."""

_FIX = "fix it, or choose another one with --tracking-uri"
_SQLITE_HEADER = b"SQLite format 3\0"


def check_database(location: Location) -> None:
    """Raise ``TrackingError`` where the database of a store does not answer; another kind of store is not asked."""
    if location.artifacts is not None:
        _check_file(location)
        return
    if location.connection.partition(":")[0].partition("+")[0].lower() not in _KINDS:
        return
    remember(location.connection)
    trouble: list[Exception] = []
    asked = threading.Thread(
        target=_connect, args=(location.connection, trouble), name="tlsearch-database", daemon=True
    )
    asked.start()
    asked.join(PATIENCE)
    if asked.is_alive():
        raise TrackingError(
            f"The MLflow database {location.uri} does not answer (no answer in {PATIENCE:g} s): {_FIX}."
        )
    if trouble:
        error = trouble[0]
        fix = _FIX
        if isinstance(error, ModuleNotFoundError):
            fix = f"install the driver: `pip install {_DRIVERS.get(error.name or '', error.name)}`"
        raise TrackingError(f"The MLflow database {location.uri} cannot be opened ({_said(error)}): {fix}.") from error


def _check_file(location: Location) -> None:
    """Raise ``TrackingError`` where a file is no database of SQLite."""
    path, _ = sqlite_path(location.uri)
    file = Path(path)
    try:
        with file.open("rb") as stream:
            beginning = stream.read(len(_SQLITE_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise TrackingError(f"The MLflow database {file} cannot be read ({error.strerror}): {_FIX}.") from error
    if beginning and beginning != _SQLITE_HEADER:
        raise TrackingError(f"{file} is no database of SQLite: name another file with --tracking-uri.")


def _connect(url: str, trouble: list[Exception]) -> None:
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        create_engine(url, poolclass=NullPool).connect().close()
    except Exception as error:  # whatever SQLAlchemy and the driver of the database raise
        trouble.append(error)


def _said(error: Exception) -> str:
    """What the driver says; SQLAlchemy puts its own words around that."""
    return first_line(getattr(error, "orig", None) or error)
