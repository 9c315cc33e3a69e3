"""Tracker: a run's record in MLflow, with explicit run ids and no global state."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tlsearch.runs.ledger import Ledger
from tlsearch.tracking.commands import Point
from tlsearch.tracking.entities import cut_params, cut_tags
from tlsearch.tracking.location import Location, locate
from tlsearch.tracking.naming import Status
from tlsearch.tracking.outbox import UNSENT_FOLDER, Address
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import Figures, check_registry
from tlsearch.tracking.sender import Sender, Warn
from tlsearch.tracking.system import system_metrics
from tlsearch.tracking.ui_view import TAG_PREFIX, shared_view, view_link

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tlsearch.plugins.api import Images

# Limits of MLflow's batch call.
_MAX_PARAMS = 100
_MAX_METRICS = 1000

# What the UI shows in its column "Source".
_SOURCE = {"mlflow.source.name": "tlsearch", "mlflow.source.type": "LOCAL"}

_FLUSH_SECONDS = 2.0


def _ignore(text: str) -> None:
    """Where nobody listens to warnings."""


class Tracker:
    """Records runs in one MLflow experiment. ``open`` makes one.

    A search must not die because its record cannot be kept. When the store fails after ``open``, writes are kept and
    sent later (``Sender``); runs and models that are begun meanwhile have ids of our own, which every method takes. Not
    for use from several threads.
    """

    def __init__(
        self, client: MlflowClient, location: Location, experiment_id: str, sender: Sender, home: Path
    ) -> None:
        self._client, self._location, self._sender, self._home = client, location, sender, home
        self._pending: dict[str, list[Point]] = {}
        self._params: dict[str, list[tuple[str, str]]] = {}
        self._flushed_at = 0.0
        self.experiment_id = experiment_id

    @classmethod
    def open(
        cls,
        uri: str | None,
        experiment: str,
        *,
        directory: Path | None = None,
        unsent: Path | None = None,
        warn: Warn = _ignore,
    ) -> Tracker:
        """The tracker for ``experiment``, which is made where it does not exist.

        ``uri`` None is the variable MLFLOW_TRACKING_URI, else ``mlflow.db`` in ``directory`` (default: the
        working directory). A server that does not answer is noticed within 5 seconds. ``unsent`` is the folder for
        what cannot be sent later on (default: ``unsent`` in ``directory``), ``warn`` is told of it.

        Raises:
            tlsearch.errors.TrackingError: the store or the ledger beside it cannot be used, or the experiment was
                deleted.
        """
        directory = directory or Path.cwd()
        location = locate(uri, directory)
        with quiet():
            from tlsearch.tracking.store import find_experiment, open_client

            client = open_client(location)
            experiment_id = find_experiment(client, location, experiment)
        unsent = (unsent or directory / UNSENT_FOLDER).absolute()
        sender = Sender(client, Address(location.uri, experiment), experiment_id, unsent, warn)
        tracker = cls(client, location, experiment_id, sender, unsent.parent)
        tracker.ledger.check()
        return tracker

    @property
    def uri(self) -> str:
        """The tracking URI, absolute."""
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
        """Starts the run that stands for the whole search and gives its id."""
        run_id = self._start(name, params, tags)
        self._send(run_id, [], {})
        if not self._sender.waiting:
            self._sender.belongs_to(run_id)
        return run_id

    def start_child(self, parent_id: str, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Starts a run that the UI shows below ``parent_id`` and gives its id. Its params are sent with the first
        metrics: each call is a transaction of the store."""
        nesting = {"mlflow.parentRunId": parent_id} if parent_id else {}
        return self._start(name, params, {**tags, **nesting})

    def take_up(self, run_id: str) -> set[str]:
        """Opens a run again that an earlier process has started; gives the runs below it that it left open."""
        self._sender.write("open_again", run=run_id)
        if not self._sender.waiting:
            self._sender.belongs_to(self.real(run_id))
        return {self._sender.ours(run) for run in self._open_runs({"mlflow.parentRunId": self.real(run_id)})}

    def close_left_open(self, output: str) -> None:
        """Closes runs of whole searches that an earlier process began for the folder ``output`` and left open."""
        for run in self._open_runs({"output": output, "role": "search"}):
            self._sender.write("end_run", run=run, status="KILLED", ended=_now())

    def log_epoch(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Metrics after an epoch; ``step`` counts on through a trial. Sent about every 2 seconds; values that
        are not finite are left out."""
        self._add(run_id, step, metrics)
        if time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Sends what is buffered."""
        pending, self._pending = self._pending, {}
        self._flushed_at = time.monotonic()
        for run_id in dict.fromkeys([*pending, *self._params]):
            self._send(run_id, pending.get(run_id, []), {})

    def finish(
        self,
        run_id: str,
        status: Status,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        reason: str = "",
        traceback: str = "",
    ) -> None:
        """Ends a run. ``reason`` becomes the tag ``reason``, ``traceback`` the artifact ``traceback.txt``. The tag
        ``mlflow.note.content`` is the description that the UI shows, in Markdown."""
        if metrics:
            self._add(run_id, 0, metrics)
        self._send(run_id, self._pending.pop(run_id, []), {**(tags or {}), **({"reason": reason} if reason else {})})
        if traceback:
            self.log_text(run_id, traceback, "traceback.txt")
        if run_id:
            self._sender.write("end_run", run=run_id, status=status, ended=_now())

    def send_waiting(self) -> int:
        """Sends what was kept while the store did not answer, and gives the number of writes that still wait."""
        return self._sender.send_waiting()

    @property
    def sent(self) -> int:
        """How many writes were kept and sent later."""
        return self._sender.sent

    def forget_sent(self) -> None:
        """Removes what is left of writes that were kept and sent, when the run is over."""
        self._sender.forget()

    def real(self, run_id: str) -> str:
        """The store's id of a run, which until now may have one of our own."""
        return self._sender.real(run_id)

    def with_real_ids(self, text: str) -> str:
        """``text`` with the store's ids of runs and models in the place of our own."""
        return self._sender.with_real_ids(text)

    def log_dataset(self, run_id: str, name: str, folder: Path, fingerprint: str, counts: Mapping[str, int]) -> None:
        """Notes what a run worked on: a folder of images, its ``fingerprint``, and the number of images of each part.
        Nothing is read."""
        facts = {"name": name, "folder": str(folder.absolute()), "fingerprint": fingerprint, "counts": dict(counts)}
        self._sender.write("log_dataset", run=run_id, **facts)

    def system_metrics(self, run_id: str) -> AbstractContextManager[None]:
        """Inside, the load of the machine is recorded in a run."""
        return system_metrics(self.uri, run_id)

    def offer_view(self, run_id: str, figures: Sequence[str]) -> str:
        """Makes a view of the trials below a parent, ranked by the first of the metrics ``figures``; gives its link."""
        key, value = shared_view(self.real(run_id), figures)
        self._sender.write("tag_experiment", key=TAG_PREFIX + key, value=value)
        return view_link(self._location.ui_address, self.experiment_id, key)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Keeps ``text`` as the artifact ``name``, a relative path."""
        self._sender.write("log_text", run=run_id, text=text, name=name)

    def log_dict(self, run_id: str, values: Mapping[str, Any], name: str) -> None:
        """Keeps ``values`` as the JSON artifact ``name``, which ends in .json."""
        self._sender.write("log_dict", run=run_id, values=dict(values), name=name)

    def log_artifact(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Keeps a copy of the file or folder at ``path`` as an artifact, below ``folder`` where it is given."""
        self._sender.write("log_artifact", run=run_id, path=self._from_home(path), folder=folder)

    def log_model(self, run_id: str, model_dir: Path, example: Images, classes: tuple[str, ...]) -> str:
        """Logs an exported model with signature and input example and gives its URI for
        ``mlflow.pyfunc.load_model``, or an id of our own until the store has one.

        ``model_dir`` holds ``model.keras``, which takes RGB (N, S, S, 3) in 0..255 and gives a probability
        for each of ``classes``. ``example`` has shape (1, S, S, 3). No backend is imported.
        """
        own, folder = _own_id(), self._from_home(model_dir)
        facts = {"folder": folder, "example": example.tolist(), "classes": list(classes)}
        return self._sender.write("log_model", own=own, run=run_id, **facts) or own

    def check_registry(self, name: str) -> None:
        """Raise ``TrackingError`` where no model can be registered as ``name``."""
        with quiet():
            check_registry(self._client, name)

    def register(self, name: str, model: str, run_id: str, figures: Figures, tags: Mapping[str, str], note: str) -> str:
        """Registers a logged model and gives a sentence that says what became of it; empty where the store does not
        answer now."""
        facts = {"figures": asdict(figures), "tags": dict(tags), "note": note}
        return self._sender.write("register", name=name, model=model, run=run_id, **facts) or ""

    def _start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        own, tags = _own_id(), cut_tags({**_SOURCE, **tags})
        run_id: str = self._sender.write("create_run", own=own, name=name, tags=tags, started=_now()) or own
        self._params[run_id] = list(cut_params(params).items())
        return run_id

    def _send(self, run_id: str, points: Sequence[Point], tags: Mapping[str, str]) -> None:
        """Metrics and tags of a run, and its params where they are still to be sent, in as few calls as can be."""
        params, rest = self._params.pop(run_id, []), list(cut_tags(tags).items())
        while points or params or rest:
            now = {"points": list(points[:_MAX_METRICS]), "params": params[:_MAX_PARAMS], "tags": rest}
            points, params, rest = points[_MAX_METRICS:], params[_MAX_PARAMS:], []
            self._sender.write("log_batch", run=run_id, **now)

    def _add(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        now = _now()
        self._pending.setdefault(run_id, []).extend(
            (name, float(value), now, step) for name, value in metrics.items() if math.isfinite(value)
        )

    def _open_runs(self, tags: Mapping[str, str]) -> set[str]:
        from tlsearch.tracking.left_open import open_runs

        return self._sender.read(lambda: open_runs(self._client, self.experiment_id, tags), set())

    def _from_home(self, path: Path) -> str:
        """Relative where it can be, so that the output folder may be moved."""
        path = path.absolute()
        return str(path.relative_to(self._home) if path.is_relative_to(self._home) else path)


def _own_id() -> str:
    """An id as MLflow makes them."""
    return uuid4().hex


def _now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
