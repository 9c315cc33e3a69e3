"""Where the MLflow records are: which store a run uses, and what shows it."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tlsearch.errors import TrackingError
from tlsearch.runs.ledger import LEDGER_NAME, user_ledger
from tlsearch.utils.passwords import (
    SERVER_SCHEMES,
    Login,
    login_fault,
    remember,
    split_login,
    with_password,
    without_password,
)
from tlsearch.utils.sqlite_urls import PREFIX, is_in_memory, sqlite_path, sqlite_url

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE_NAME = "mlflow.db"
UI_PORT = 5000
"""Where ``mlflow ui`` answers unless it is told otherwise."""

_SQLITE = PREFIX

# What MLflow takes for a store although it looks like the name of a folder.
_WORKSPACES = ("databricks", "databricks-uc", "uc")


@dataclass(frozen=True, kw_only=True)
class Location:
    """A tracking store.

    Attributes:
        uri: The tracking URI, absolute, as it may be shown and kept: without a password.
        login: The user and the password of a server, where its address had them.
        connection: The tracking URI for MLflow: that of a database has its password.
        ledger: The file that counts test openings: beside the database, or in the user's data folder where the store
            is elsewhere.
        artifacts: The folder for files of new experiments where the store is a database on this machine; None where a
            server decides.
        warning: A sentence for people, or empty.
        ui_port: Where ``ui_command`` has the UI answer.
    """

    uri: str
    connection: str = field(repr=False)
    ledger: Path
    login: Login | None = None
    artifacts: Path | None = None
    warning: str = ""
    ui_port: int = UI_PORT

    @property
    def is_server(self) -> bool:
        """Whether the records are on an MLflow server, which shows them itself."""
        return urlsplit(self.uri).scheme.lower() in SERVER_SCHEMES

    @property
    def is_workspace(self) -> bool:
        """Whether the records are in a Databricks workspace, whose address MLflow has from its own settings."""
        return self.uri.partition(":")[0] in _WORKSPACES

    @property
    def ui_command(self) -> str:
        """What shows the records: a command, or the address of the server or the name of the workspace."""
        if self.is_server or self.is_workspace:
            return self.uri
        port = "" if self.ui_port == UI_PORT else f" --port {self.ui_port}"
        return f"mlflow ui --backend-store-uri {shlex.quote(self.uri)}{port}"

    @property
    def ui_address(self) -> str:
        """Where the UI answers: at the server, or where ``ui_command`` starts it; empty where nobody knows."""
        if self.is_workspace:
            return ""
        return self.uri if self.is_server else f"http://127.0.0.1:{self.ui_port}"


def locate(uri: str | None, directory: Path) -> Location:
    """Find the store that a run uses; nobody is asked, and nothing is written.

    An address without a password gets the one that the variable MLFLOW_TRACKING_URI has for it.

    Args:
        uri: The tracking URI; None for the variable MLFLOW_TRACKING_URI, else ``mlflow.db``.
        directory: The folder that a relative path begins at.

    Raises:
        TrackingError: The store is a plain folder (which MLflow no longer supports), the folder of the database is
            missing, the database is kept in memory, or the address is none, or its login cannot be told from the rest.
    """
    variable = os.environ.get(URI_VARIABLE)
    chosen = with_password(uri, variable) if uri else variable or f"{_SQLITE}{DATABASE_NAME}"
    remember(chosen)
    if fault := login_fault(chosen):
        raise TrackingError(f"The tracking URI {fault}.")
    shown = without_password(chosen)
    scheme = _scheme(shown)
    if scheme in SERVER_SCHEMES:
        return Location(uri=shown, connection=shown, login=split_login(chosen), ledger=user_ledger())
    if is_in_memory(chosen):
        raise TrackingError(
            f"The tracking URI {shown} is a database in memory, which nobody can look at after the run: "
            f"name a file, such as {_SQLITE}{DATABASE_NAME}."
        )
    if chosen.startswith(_SQLITE):
        return _database(*sqlite_path(chosen), directory.absolute())
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", chosen):
        raise TrackingError(f"The tracking URI {shown} is no address: write http://{shown} or https://{shown}.")
    if chosen not in _WORKSPACES and (scheme in ("", "file") or len(scheme) == 1):
        raise TrackingError(
            f"The tracking URI {shown} is a folder, and MLflow no longer writes to folders: "
            f"use a database such as {_SQLITE}{DATABASE_NAME}."
        )
    return Location(uri=shown, connection=chosen, ledger=user_ledger())


def _scheme(shown: str) -> str:
    """The scheme of an address in small letters. Raises ``TrackingError`` where it names no server that can be."""
    try:
        parts = urlsplit(shown)
        scheme = parts.scheme.lower()
        fault = "" if scheme not in SERVER_SCHEMES or (parts.hostname and parts.port != 0) else "it names no host"
    except ValueError as error:  # such as a bracket that is not closed, or a port above 65535
        scheme, fault = shown.partition(":")[0].lower(), str(error).rstrip(".")
    if fault:
        example = f"{scheme}://localhost:{UI_PORT}" if scheme in SERVER_SCHEMES else f"{_SQLITE}{DATABASE_NAME}"
        raise TrackingError(f"The tracking URI {shown} is no address ({fault}): write one such as {example}.")
    return scheme


def _database(file: Path, query: str, directory: Path) -> Location:
    path = Path(os.path.normpath(directory / file))
    if path.is_dir():  # asked here, because MLflow would try for minutes
        raise TrackingError(
            f"The tracking database {path} is a folder: name a file in it, such as {_SQLITE}{path / DATABASE_NAME}."
        )
    if not path.parent.is_dir():
        raise TrackingError(f"There is no folder for the tracking database {path}: create {path.parent}.")
    # Asked here, because MLflow would try for minutes.
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise TrackingError(
                f"The tracking database {path} cannot be written, for {place} may only be read: "
                "name another one with --tracking-uri."
            )
    uri = sqlite_url(path, query)
    warning = ""
    if path == directory / DATABASE_NAME and _has_old_store(directory):
        warning = (
            f"{directory / 'mlruns'} holds records of an older MLflow, which a bare `mlflow ui` would open "
            f"instead of {DATABASE_NAME}: use the full command, or move that folder away."
        )
    return Location(
        uri=uri,
        connection=uri,
        ledger=path.parent / LEDGER_NAME,
        artifacts=path.parent / "mlartifacts",
        warning=warning,
    )


def _has_old_store(directory: Path) -> bool:
    """Whether MLflow would take ``./mlruns`` for its store: it looks for numbered folders with a meta.yaml."""
    try:
        return any(p.name.isdigit() and (p / "meta.yaml").exists() for p in (directory / "mlruns").iterdir())
    except OSError:
        return False
