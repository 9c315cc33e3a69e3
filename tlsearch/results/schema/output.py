"""Where the files of a run and its record in MLflow are."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tlsearch.utils.addresses import without_secrets
from tlsearch.utils.sqlite_urls import moved_with


@dataclass(frozen=True, kw_only=True)
class Mlflow:
    """Where the trials can be reviewed.

    ``ui_command`` is what to type, or the address of the server. ``view`` is then the link to the trials of this run,
    the best first, and ``searches`` that to all searches of the experiment; empty where there is none.
    ``parent_run_name`` is the name of the run ``parent_run_id``, which stands for the search.
    """

    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    ui_command: str
    view: str = ""
    searches: str = ""
    parent_run_name: str = ""

    @property
    def is_server(self) -> bool:
        """Whether the records are on a server, which shows them without a command."""
        return self.tracking_uri.lower().startswith(("http://", "https://"))

    @property
    def shown_uri(self) -> str:
        """The tracking URI without user and password; that of a file has none."""
        names_a_host = bool(urlsplit(self.tracking_uri).netloc)
        return without_secrets(self.tracking_uri) if names_a_host else self.tracking_uri

    def moved(self, before: Path, now: Path) -> Mlflow:
        """Give the same where the output folder was moved, if the database of the records was moved with it."""
        uri = moved_with(self.tracking_uri, before, now)
        command = self.ui_command.replace(shlex.quote(self.tracking_uri), shlex.quote(uri))
        return replace(self, tracking_uri=uri, ui_command=command)

    @property
    def search(self) -> str:
        """The link to the run that stands for the search; empty where the address of the UI is not known."""
        address = self.shown_uri if self.is_server else self.view.partition("#")[0]
        run = f"experiments/{self.experiment_id}/runs/{self.parent_run_id}"
        return f"{address.rstrip('/')}/#/{run}" if address else ""


@dataclass(frozen=True, kw_only=True)
class Output:
    """The files of the run, relative to ``folder``; None where one was not written.

    ``folder`` is where the run wrote them, and in a result that is read, where its ``result.json`` lies now.
    ``refit`` is the winner's configuration trained once more on training and validation images, which was not tested;
    ``pictures`` the folder with the report's pictures as files.
    """

    folder: str
    model: str | None = "model"
    report: str | None = "report.html"
    trials: str | None = "trials.csv"
    refit: str | None = None
    pictures: str | None = None
