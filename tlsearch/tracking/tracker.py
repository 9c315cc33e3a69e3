"""Tracker: a run's record in MLflow, with explicit run ids and no global state."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tlsearch.runs.ledger import Ledger
from tlsearch.tracking import commands
from tlsearch.tracking.buffer import Buffer, milliseconds
from tlsearch.tracking.exported import ModelPage
from tlsearch.tracking.location import Location, locate
from tlsearch.tracking.outbox import UNSENT_FOLDER, Address, Waiting
from tlsearch.tracking.quiet import ignore, quiet
from tlsearch.tracking.register import Figures, check_registry
from tlsearch.tracking.sender import Sender, Warn
from tlsearch.tracking.servers.ui_port import with_ui_port
from tlsearch.tracking.store import find_experiment, lead_files, open_client, open_runs
from tlsearch.tracking.system import system_metrics
from tlsearch.tracking.trial_fields import Status, cut_tags
from tlsearch.tracking.ui_view import TAG_PREFIX, View, view_link
from tlsearch.utils.addresses import shown_source
from tlsearch.utils.passwords import hide_passwords

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tlsearch.plugins.api import Images

# What the UI shows in its column "Source".
_SOURCE = {"mlflow.source.name": "tlsearch", "mlflow.source.type": "LOCAL"}

_HOST = "host"
"""The tag of a parent run that names the machine."""


class Tracker(Waiting):
    """Records runs in one MLflow experiment. ``open`` makes one.

    A search must not end because its record cannot be kept. When the store fails after ``open``, writes are kept and
    sent later (``Sender``); runs and models that are begun meanwhile have ids of our own, which every method takes. Not
    for use from several threads.
    """

    def __init__(
        self, client: MlflowClient, location: Location, experiment_id: str, sender: Sender, home: Path
    ) -> None:
        """Take what ``open`` has opened; relative paths of files begin at ``home``."""
        super().__init__(sender)
        self._client, self._location, self._home = client, location, home
        self._buffer = Buffer(sender.send)
        self.experiment_id = experiment_id

    @classmethod
    def open(
        cls,
        uri: str | None,
        experiment: str,
        *,
        directory: Path | None = None,
        unsent: Path | None = None,
        warn: Warn = ignore,
    ) -> Tracker:
        """Give the tracker for ``experiment``, which is made where it does not exist.

        A server that refuses the connection is noticed at once; a silent one has MLFLOW_HTTP_REQUEST_TIMEOUT seconds.

        Args:
            uri: The store; None for the variable MLFLOW_TRACKING_URI, else ``mlflow.db`` in ``directory``.
            experiment: The name of the experiment.
            directory: Where a relative path begins, by default the working directory.
            unsent: The folder for what cannot be sent later on, by default ``unsent`` in ``directory``.
            warn: Gets a sentence when the store fails or refuses something.

        Raises:
            TrackingError: The store or the ledger beside it cannot be used, or the experiment was deleted.
        """
        directory = directory or Path.cwd()
        location = locate(uri, directory)
        with quiet():
            client = open_client(location, warn)
            experiment_id = find_experiment(client, location, experiment)
            if said := lead_files(client, location, experiment_id):
                warn(said)
        location = with_ui_port(location, experiment, experiment_id)
        unsent = (unsent or directory / UNSENT_FOLDER).absolute()
        sender = Sender(client, Address(location.uri, experiment), experiment_id, unsent, warn)
        tracker = cls(client, location, experiment_id, sender, unsent.parent)
        tracker.ledger.check()
        return tracker

    @property
    def uri(self) -> str:
        """The tracking URI, absolute and without a password."""
        return self._location.uri

    @property
    def ui_command(self) -> str:
        """The full command that shows the records, or the address of the server that holds them."""
        return self._location.ui_command

    @property
    def ledger(self) -> Ledger:
        """Where openings of test sets are counted, whether or not the store answers."""
        return Ledger(self._location.ledger)

    @property
    def warning(self) -> str:
        """A sentence about the store that a person should know, or empty."""
        return self._location.warning

    def start_parent(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Start the run that stands for the whole search and give its id."""
        run_id = self._start(name, params, {**tags, _HOST: _this_host()})
        self._buffer.send(run_id, {})
        if not self._sender.waiting:
            self._sender.belongs_to(run_id)
        return run_id

    def start_child(self, parent_id: str, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Start a run that the UI shows below ``parent_id`` and give its id.

        Its params are sent with the first metrics: each call is a transaction of the store.
        """
        nesting = {"mlflow.parentRunId": parent_id} if parent_id else {}
        return self._start(name, params, {**tags, **nesting})

    def resume(self, run_id: str) -> set[str]:
        """Open a run again that an earlier process has started; gives the runs below it that it left open."""
        self._sender.send(commands.ReopenRun(run=run_id))
        if not self._sender.waiting:
            self._sender.belongs_to(self.real(run_id))
        return {self._sender.ours(run) for run in self._open_runs({"mlflow.parentRunId": self.real(run_id)})}

    def close_left_open(self, output: str, role: str = "search") -> None:
        """Close parent runs of a ``role`` that an earlier process began for the folder ``output`` and left open.

        On another machine, or in another container, a folder of that name is another one, in which a run may go on.
        """
        for run in self._open_runs({"output": output, "role": role, _HOST: _this_host()}):
            self._sender.send(commands.EndRun(run=run, status="KILLED", ended=milliseconds()))

    def log_epoch(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Log metrics after an epoch; ``step`` counts on through a trial.

        They are sent about every 2 seconds. Values that are not finite are left out.
        """
        self._buffer.add(run_id, step, metrics)
        self._buffer.flush(if_due=True)

    def flush(self) -> None:
        """Send what is buffered."""
        self._buffer.flush()

    def finish(
        self,
        run_id: str,
        status: Status,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        reason: str = "",
        traceback: str = "",
    ) -> None:
        """End a run.

        Args:
            run_id: The run.
            status: How it ended.
            metrics: Final metrics.
            tags: Tags; ``mlflow.note.content`` is the description that the UI shows, in Markdown.
            reason: Becomes the tag ``reason``.
            traceback: Becomes the artifact ``traceback.txt``.
        """
        if metrics:
            self._buffer.add(run_id, 0, metrics)
        self._buffer.send(run_id, {**(tags or {}), **({"reason": hide_passwords(reason)} if reason else {})})
        if traceback:
            self.log_text(run_id, hide_passwords(traceback), "traceback.txt")
        if run_id:
            self._sender.send(commands.EndRun(run=run_id, status=status, ended=milliseconds()))

    def add(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Add metrics and tags to a run, which may be over."""
        self._buffer.add(run_id, 0, metrics)
        self._buffer.send(run_id, tags)

    def log_dataset(
        self, run_id: str, name: str, place: Path | str, fingerprint: str, counts: Mapping[str, int]
    ) -> None:
        """Note what a run worked on: images at ``place``, a path or an address, with their number in each part."""
        self._sender.send(
            commands.LogDataset(
                run=run_id, name=name, folder=shown_source(place), fingerprint=fingerprint, counts=counts
            )
        )

    def system_metrics(self, run_id: str) -> AbstractContextManager[None]:
        """Inside, the load of the machine is recorded in a run."""
        return system_metrics(self._location.connection, run_id)

    def offer_view(self, view: View) -> str:
        """Make a view, or make it anew; gives its link, which stays the same; empty where the UI's place is unknown."""
        tag = TAG_PREFIX + view.key
        if not (view.stays and self._has_tag(tag)):
            self._sender.send(commands.TagExperiment(key=tag, value=view.value()))
        address = self._location.ui_address
        return view_link(address, self.experiment_id, view.key) if address else ""

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Keep ``text`` as the artifact ``name``, a relative path."""
        self._sender.send(commands.LogText(run=run_id, text=text, name=name))

    def log_dict(self, run_id: str, values: Mapping[str, Any], name: str) -> None:
        """Keep plain ``values`` as the JSON artifact ``name``, which ends in .json."""
        self._sender.send(commands.LogDict(run=run_id, values=values, name=name))

    def log_artifact(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Keep a copy of the file or folder at ``path`` as an artifact, below ``folder`` where it is given."""
        self._sender.send(commands.LogArtifact(run=run_id, path=self._from_home(path), folder=folder))

    def log_model(
        self, run_id: str, model_dir: Path, example: Images, classes: tuple[str, ...], page: ModelPage | None = None
    ) -> str:
        """Log an exported model with signature and input example; no backend is imported.

        Args:
            run_id: The run whose output the model is.
            model_dir: Holds ``model.keras``, which takes RGB (N, S, S, 3) in 0..255 and gives a probability for each
                of ``classes``.
            example: An image, of shape (1, S, S, 3).
            classes: Names in the order of the probabilities.
            page: What the model's page says; its note may hold ``MODEL_URI``.

        Returns:
            The model's URI for ``mlflow.pyfunc.load_model``, or an id of our own until the store has one.
        """
        own, folder, page = _own_id(), self._from_home(model_dir), page or ModelPage()
        command = commands.LogModel(own=own, run=run_id, folder=folder, example=example, classes=classes, page=page)
        return self._sender.send(command) or own

    def log_model_metrics(
        self, run_id: str, model: str, metrics: Mapping[str, float], dataset: str = "", fingerprint: str = ""
    ) -> None:
        """Log final metrics of a run as those of a logged model, too; ``dataset`` is the name of the data set.

        Where the model is not there yet, the run has them at once.
        """
        now = milliseconds()
        points = [(name, float(value), now, 0) for name, value in metrics.items() if math.isfinite(value)]
        command = commands.LogModelMetrics(
            run=run_id, model=self.real(model), points=points, dataset=dataset, fingerprint=fingerprint
        )
        if command.file:
            self._sender.send(replace(command, model=""))
        self._sender.send(command)

    def check_registry(self, name: str) -> None:
        """Raise ``TrackingError`` where no model can be registered as ``name``."""
        with quiet():
            check_registry(self._client, name)

    def register(self, name: str, model: str, run_id: str, figures: Figures, tags: Mapping[str, str], note: str) -> str:
        """Register a logged model; gives what became of it, and nothing where the store does not answer now."""
        command = commands.RegisterModel(name=name, model=model, run=run_id, figures=figures, tags=tags, note=note)
        return self._sender.send(command) or ""

    def _start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        own, tags = _own_id(), cut_tags({**_SOURCE, **tags})
        run_id = self._sender.send(commands.CreateRun(own=own, name=name, tags=tags, started=milliseconds())) or own
        self._buffer.set_params(run_id, params)
        return run_id

    def _has_tag(self, name: str) -> bool:
        """Whether the experiment has it already."""
        return self._sender.read(lambda: name in self._client.get_experiment(self.experiment_id).tags, False)

    def _open_runs(self, tags: Mapping[str, str]) -> set[str]:
        return self._sender.read(lambda: open_runs(self._client, self.experiment_id, tags), set())

    def _from_home(self, path: Path) -> str:
        """Relative where it can be, so that the output folder may be moved."""
        path = path.absolute()
        return str(path.relative_to(self._home) if path.is_relative_to(self._home) else path)


def _this_host() -> str:
    """The name of this machine; that of a container is its own."""
    return platform.node() or "unknown"


def _own_id() -> str:
    """An id as MLflow makes them."""
    return uuid4().hex
