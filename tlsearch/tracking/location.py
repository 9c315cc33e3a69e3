"""Where the MLflow records are: which store a run uses, whether it answers, how to look at it."""

from __future__ import annotations

import os
import shlex
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tlsearch.errors import TrackingError
from tlsearch.runs.ledger import LEDGER_NAME, user_ledger
from tlsearch.utils.addresses import without_secrets

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE_NAME = "mlflow.db"
LOCAL_UI = "http://127.0.0.1:5000"
"""Where ``mlflow ui`` answers unless it is told otherwise."""

_SQLITE = "sqlite:///"
_PROBE_SECONDS = 4.0

# What a proxy answers when it cannot reach the server: 502 Bad Gateway, 503 and 504.
_NOBODY_BEHIND = (502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Location:
    """A tracking store.

    Attributes:
        uri: The tracking URI, absolute.
        ui_command: What shows the records: a command, or the address of the server.
        ledger: The file that counts test openings: beside the database, or in the user's data folder where the store
            is elsewhere.
        artifacts: The folder for files of new experiments where the store is a database on this machine; None where a
            server decides.
        warning: A sentence for people, or empty.
    """

    uri: str
    ui_command: str
    ledger: Path
    artifacts: Path | None = None
    warning: str = ""

    @property
    def ui_address(self) -> str:
        """Where the UI answers, without user and password: at the server, or where ``ui_command`` starts it."""
        return without_secrets(self.uri) if self.ui_command == self.uri else LOCAL_UI


def locate(uri: str | None, directory: Path) -> Location:
    """Find the store that a run uses.

    A server (http or https) is asked whether it answers, which takes at most 5 seconds; nothing is written.

    Args:
        uri: The tracking URI; None for the variable MLFLOW_TRACKING_URI, else ``mlflow.db``.
        directory: The folder that a relative path begins at.

    Raises:
        TrackingError: The server does not answer, the store is a plain folder (which MLflow no longer supports), or
            the folder of the database is missing.
    """
    chosen = uri or os.environ.get(URI_VARIABLE) or f"{_SQLITE}{DATABASE_NAME}"
    scheme = urlsplit(chosen).scheme.lower()
    if scheme in ("http", "https"):
        _probe(chosen)
        return Location(uri=chosen, ui_command=chosen, ledger=user_ledger())
    if chosen.startswith(_SQLITE):
        return _database(Path(chosen.removeprefix(_SQLITE)), directory.absolute())
    if scheme in ("", "file") or len(scheme) == 1:
        raise TrackingError(
            f"The tracking URI {chosen} is a folder, and MLflow no longer writes to folders: "
            f"use a database such as {_SQLITE}{DATABASE_NAME}."
        )
    return Location(uri=chosen, ui_command=_command(chosen), ledger=user_ledger())


def _database(file: Path, directory: Path) -> Location:
    path = Path(os.path.normpath(directory / file))
    if not path.parent.is_dir():
        raise TrackingError(f"There is no folder for the tracking database {path}: create {path.parent}.")
    # Asked here, because MLflow would try for minutes.
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise TrackingError(
                f"The tracking database {path} cannot be written, for {place} may only be read: "
                "name another one with --tracking-uri."
            )
    uri = f"{_SQLITE}{path}"
    warning = ""
    if path == directory / DATABASE_NAME and _has_old_store(directory):
        warning = (
            f"{directory / 'mlruns'} holds records of an older MLflow, which a bare `mlflow ui` would open "
            f"instead of {DATABASE_NAME}: use the full command, or move that folder away."
        )
    return Location(
        uri=uri,
        ui_command=_command(uri),
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


def _command(uri: str) -> str:
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)}"


def _probe(uri: str) -> None:
    """Ask the server for its health once. Any answer of its own will do, as that page may be refused.

    In a thread, because resolving a name has no time limit of its own.
    """
    trouble: list[str] = []
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PROBE_SECONDS):
                pass
        except urllib.error.HTTPError as error:
            if error.code in _NOBODY_BEHIND:
                trouble.append(f"{error.code} {error.reason}")
        except (OSError, ValueError, socket.gaierror) as error:
            trouble.append(str(getattr(error, "reason", error)))
        answered.set()

    threading.Thread(target=ask, name="tlsearch-probe", daemon=True).start()
    if not answered.wait(_PROBE_SECONDS + 0.5):
        trouble.append(f"no answer in {_PROBE_SECONDS:.0f} s")
    if trouble:
        raise TrackingError(
            f"The MLflow server {uri} does not answer ({trouble[0]}): start it, fix --tracking-uri "
            f"or MLFLOW_TRACKING_URI, or leave out both to record into {_SQLITE}{DATABASE_NAME}."
        )
