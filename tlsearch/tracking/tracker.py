"""Tracker: a run's record in MLflow, with explicit run ids and no global state."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tlsearch.tracking.describe import Status
from tlsearch.tracking.entities import cut_tags, to_dataset, to_params, to_tags
from tlsearch.tracking.ledger import Ledger
from tlsearch.tracking.location import Location, locate
from tlsearch.tracking.quiet import first_line, quiet
from tlsearch.tracking.register import Figures, check_registry, register
from tlsearch.tracking.system import system_metrics
from tlsearch.tracking.view import TAG_PREFIX, shared_view, view_link

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    from tlsearch.plugin_api import Images

T = TypeVar("T")

# Limits of MLflow's batch call.
_MAX_PARAMS = 100
_MAX_METRICS = 1000

# What the UI shows in its column "Source".
_SOURCE = {"mlflow.source.name": "tlsearch", "mlflow.source.type": "LOCAL"}

_FLUSH_SECONDS = 2.0
_PAUSE_SECONDS = 60.0


def _ignore(text: str) -> None:
    """Where nobody listens to warnings."""


class Tracker:
    """Records runs in one MLflow experiment. ``open`` makes one.

    A search must not die because its record cannot be kept: when the store fails after ``open``, the tracker
    tells it once through ``warn``, keeps still for a minute and tries again with the next call; what was to
    be recorded meanwhile is lost. ``start_parent`` and ``start_child`` then give an empty run id, which
    every method takes and ignores. Not for use from several threads.
    """

    def __init__(
        self, client: MlflowClient, location: Location, experiment_id: str, warn: Callable[[str], None]
    ) -> None:
        self._client = client
        self._location = location
        self._warn = warn
        self._pending: dict[str, list[Metric]] = {}
        self._params: dict[str, list[Param]] = {}
        self._flushed_at = 0.0
        self._silent_until = 0.0
        self._told = False
        self.experiment_id = experiment_id

    @classmethod
    def open(
        cls,
        uri: str | None,
        experiment: str,
        *,
        directory: Path | None = None,
        warn: Callable[[str], None] = _ignore,
    ) -> Tracker:
        """The tracker for ``experiment``, which is made where it does not exist.

        ``uri`` None is the variable MLFLOW_TRACKING_URI, else ``mlflow.db`` in ``directory`` (default: the
        working directory). A server that does not answer is noticed within 5 seconds. ``warn`` is told when
        the store fails later.

        Raises:
            tlsearch.errors.TrackingError: the store or the ledger beside it cannot be used, or the experiment was
                deleted.
        """
        location = locate(uri, directory or Path.cwd())
        with quiet():
            from tlsearch.tracking.store import find_experiment, open_client

            client = open_client(location)
            tracker = cls(client, location, find_experiment(client, location, experiment), warn)
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
        return run_id

    def start_child(self, parent_id: str, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Starts a run that the UI shows below ``parent_id`` and gives its id. Its params are sent with the first
        metrics: each call is a transaction of the store."""
        nesting = {"mlflow.parentRunId": parent_id} if parent_id else {}
        return self._start(name, params, {**tags, **nesting})

    def take_up(self, run_id: str) -> set[str]:
        """Opens a run again that an earlier process has started; gives the runs below it that it left open."""

        from tlsearch.tracking.left_open import open_runs

        def reopen() -> set[str]:
            self._client.update_run(run_id, status="RUNNING")
            return open_runs(self._client, self.experiment_id, {"mlflow.parentRunId": run_id})

        return (self._attempt(reopen) or set()) if run_id else set()

    def close_left_open(self, output: str) -> None:
        """Closes runs of whole searches that an earlier process began for the folder ``output`` and left open."""

        from tlsearch.tracking.left_open import open_runs

        def close() -> None:
            for run_id in open_runs(self._client, self.experiment_id, {"output": output, "role": "search"}):
                self._client.set_terminated(run_id, "KILLED")

        self._attempt(close)

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
            self._attempt(lambda: self._client.set_terminated(run_id, status))

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets tags of a run."""
        self._send(run_id, [], tags)

    def log_dataset(self, run_id: str, name: str, folder: Path, fingerprint: str, counts: Mapping[str, int]) -> None:
        """Notes what a run worked on: a folder of images, its ``fingerprint``, and the number of images of each part.
        Nothing is read."""
        if run_id:
            data = to_dataset(name, folder, fingerprint, counts)
            self._attempt(lambda: self._client.log_inputs(run_id, [data]))

    def system_metrics(self, run_id: str) -> AbstractContextManager[None]:
        """Inside, the load of the machine is recorded in a run."""
        return system_metrics(self.uri, run_id)

    def offer_view(self, run_id: str, figures: Sequence[str]) -> str:
        """Makes a view of the trials below a parent, ranked by the first of the metrics ``figures``; gives its link, or
        nothing where that failed."""
        key, value = shared_view(run_id, figures)
        link = view_link(self._location.ui_address, self.experiment_id, key)

        def offer() -> str:
            self._client.set_experiment_tag(self.experiment_id, TAG_PREFIX + key, value)
            return link

        return (self._attempt(offer) or "") if run_id else ""

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Keeps ``text`` as the artifact ``name``, a relative path."""
        if run_id:
            self._attempt(lambda: self._client.log_text(run_id, text, name))

    def log_dict(self, run_id: str, values: Mapping[str, Any], name: str) -> None:
        """Keeps ``values`` as the JSON artifact ``name``, which ends in .json."""
        if run_id:
            self._attempt(lambda: self._client.log_dict(run_id, dict(values), name))

    def log_artifact(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Keeps a copy of the file or folder at ``path`` as an artifact, below ``folder`` where it is
        given."""
        if not run_id:
            return
        keep = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
        self._attempt(lambda: keep(run_id, str(path), folder))

    def log_model(self, run_id: str, model_dir: Path, example: Images, classes: tuple[str, ...]) -> str:
        """Logs an exported model with signature and input example and gives its URI for
        ``mlflow.pyfunc.load_model``, empty where that failed.

        ``model_dir`` holds ``model.keras``, which takes RGB (N, S, S, 3) in 0..255 and gives a probability
        for each of ``classes``. ``example`` has shape (1, S, S, 3). No backend is imported.
        """
        from tlsearch.tracking.model import log_model

        def log() -> str:
            with quiet():
                return log_model(self._client, self.experiment_id, run_id, model_dir, example, classes)

        return (self._attempt(log) or "") if run_id else ""

    def check_registry(self, name: str) -> None:
        """Raise ``TrackingError`` where no model can be registered as ``name``."""
        with quiet():
            check_registry(self._client, name)

    def register(
        self, name: str, model_uri: str, run_id: str, figures: Figures, tags: Mapping[str, str], note: str
    ) -> str:
        """Registers a logged model and gives a sentence that says what became of it; empty where the store failed."""

        def call() -> str:
            with quiet():
                return register(self._client, name, model_uri, run_id, figures, tags, note)

        return (self._attempt(call) or "") if run_id and model_uri else ""

    def _start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        def start() -> str:
            run = self._client.create_run(self.experiment_id, tags=cut_tags({**_SOURCE, **tags}), run_name=name)
            return str(run.info.run_id)

        run_id = self._attempt(start) or ""
        if run_id and params:
            self._params[run_id] = to_params(params)
        return run_id

    def _send(self, run_id: str, metrics: Sequence[Metric], tags: Mapping[str, str]) -> None:
        """Metrics and tags of a run, and its params where they are still to be sent, in as few calls as can be."""
        params, rest = self._params.pop(run_id, []), to_tags(tags)
        while run_id and (metrics or params or rest):
            now = metrics[:_MAX_METRICS], params[:_MAX_PARAMS], rest  # what one call takes of each
            metrics, params, rest = metrics[_MAX_METRICS:], params[_MAX_PARAMS:], []
            self._attempt(partial(self._client.log_batch, run_id, *now))

    def _add(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        if not run_id:
            return
        now = time.time_ns() // 1_000_000
        self._pending.setdefault(run_id, []).extend(
            Metric(name, float(value), now, step) for name, value in metrics.items() if math.isfinite(value)
        )

    def _attempt(self, call: Callable[[], T]) -> T | None:
        """What ``call`` gives, None where the store fails or has failed less than a minute ago."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            return call()
        except Exception as error:  # MLflow lets through whatever its stores raise
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            if not self._told:
                self._warn(f"the MLflow record at {self.uri} fails and will have gaps ({first_line(error)})")
            self._told = True
            return None
