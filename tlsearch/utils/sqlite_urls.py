"""Addresses of SQLite databases, for paths with any letters in them."""

from __future__ import annotations

from pathlib import Path

from tlsearch.errors import UsageError

PREFIX = "sqlite:///"

_SPECIAL = {"%": "%25", "?": "%3F", "#": "%23"}
"""What means something else in an address."""


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


def sqlite_path(url: str) -> tuple[Path, str]:
    """Give the path in the address of an SQLite database, which may be relative, and what stands behind its ``?``."""
    text, _, query = url.removeprefix(PREFIX).partition("?")
    if "%" in text:
        from sqlalchemy.engine import make_url

        text = make_url(f"{PREFIX}{text}").database or text
    return Path(text), query
