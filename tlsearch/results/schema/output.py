"""Where the files of a run and its record in MLflow are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mlflow:
    """Where the trials can be reviewed.

    ``ui_command`` is what to type, or the address of the server. ``view`` is then the link to the trials of this run,
    the best first, and ``searches`` that to all searches of the experiment; empty where there is none.
    """

    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    ui_command: str
    view: str = ""
    searches: str = ""


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
