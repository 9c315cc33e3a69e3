"""Addresses of SQLite databases, for paths with any letters in them, and folders that cannot hold a database."""

from __future__ import annotations

import re
import secrets
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from tlsearch.errors import UsageError
from tlsearch.utils.files import moved_path

PREFIX = "sqlite:///"

_SPECIAL = {"%": "%25", "?": "%3F", "#": "%23"}
"""What means something else in an address."""

_PROBE_SECONDS = 0.5

_WITHOUT_LOCKS = {"nolock": "1", "uri": "true"}


def sqlite_url(path: Path, query: str = "") -> str:
    """Give the address by which SQLAlchemy, and so MLflow and Optuna, open the database at ``path``.

    Args:
        path: The file, which need not be there.
        query: What an address had behind its question mark.

    Raises:
        UsageError: The path cannot be said in an address with the SQLAlchemy that is installed.
    """
    plain = text = str(path)
    behind = f"?{query}" if query else ""
    if not any(sign in plain for sign in _SPECIAL):
        return f"{PREFIX}{plain}{behind}"
    from sqlalchemy.engine import make_url

    for sign, escaped in _SPECIAL.items():
        text = text.replace(sign, escaped)
    # Versions differ: since 2.1 SQLAlchemy reads escaped signs, before that it took them as they are.
    for form in (text, plain):
        if make_url(f"{PREFIX}{form}").database == plain:
            return f"{PREFIX}{form}{behind}"
    raise UsageError(
        f"{path} cannot be the path of a database, for it holds one of {' '.join(_SPECIAL)}: use another folder, "
        "or install sqlalchemy 2.1."
    )


def is_in_memory(url: str) -> bool:
    """Whether an address is that of an SQLite database that ends with the process."""
    if not re.match(r"sqlite(\+\w+)?://", url, re.IGNORECASE):
        return False
    file, _, query = url.partition("://")[2].partition("?")
    return file in ("", "/:memory:", "/file::memory:") or "mode=memory" in query


def sqlite_path(url: str) -> tuple[Path, str]:
    """Give the path in the address of an SQLite database, which may be relative, and what stands behind its ``?``."""
    text, _, query = url.removeprefix(PREFIX).partition("?")
    if "%" in text:
        from sqlalchemy.engine import make_url

        text = make_url(f"{PREFIX}{text}").database or text
    return Path(text), query


def is_missing(url: str) -> bool:
    """Whether an address is that of an SQLite database whose file is not there."""
    return url.startswith(PREFIX) and not is_in_memory(url) and not sqlite_path(url)[0].exists()


def moved_with(url: str, before: Path, now: Path) -> str:
    """Give the address of a database that may have been moved together with a folder, as ``moved_path`` finds it.

    Args:
        url: The address of a database of any kind, or of a server.
        before: Where the folder was, absolute.
        now: Where it is, absolute.

    Returns:
        Where the database is now; ``url`` where it was not moved.
    """
    if not is_missing(url):
        return url
    path, query = sqlite_path(url)
    place = moved_path(path, before, now)
    return url if place == path else sqlite_url(place, query)


def sqlite_url_without_locks(path: Path) -> str:
    """Give the address by which SQLAlchemy opens the database at ``path`` without locks.

    For a database of which one process at a time is known to be the only user, on a file system that has none.
    """
    from sqlalchemy.engine import URL

    database = f"file:{quote(str(path.absolute()))}"
    return URL.create("sqlite", database=database, query=_WITHOUT_LOCKS).render_as_string(hide_password=False)


def sqlite_fault(folder: Path, *, locks: bool = True) -> str:
    """Say what SQLite has against a database in ``folder``; empty where one can be made, locked, written and read.

    It fails on file systems whose locks do not work, as over NFS and FUSE they may. Nothing is left there.

    Args:
        folder: A folder that exists.
        locks: Whether the database is locked, as it must be where several processes use it.
    """
    import sqlite3

    file = folder / f".tlsearch-{secrets.token_hex(4)}.db"
    address = f"file:{quote(str(file.absolute()))}{'' if locks else '?nolock=1'}"
    try:
        with closing(sqlite3.connect(address, timeout=_PROBE_SECONDS, uri=True)) as database:
            database.execute("CREATE TABLE probe (value INTEGER)")
            with database:
                database.execute("INSERT INTO probe VALUES (1)")
            database.execute("SELECT value FROM probe").fetchall()
    except sqlite3.Error as error:
        return str(error)
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                file.with_name(file.name + ending).unlink(missing_ok=True)
    return ""
