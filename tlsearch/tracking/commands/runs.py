"""Commands that write runs: their params, metrics, tags, data sets and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlsearch.tracking.commands.base import Command, Point, Store
from tlsearch.tracking.trial_fields import Status
from tlsearch.utils.addresses import is_address

_MAX_DATASET_CHARS = 500
_DIGEST_CHARS = 16


def dataset_key(name: str, fingerprint: str) -> tuple[str, str]:
    """Give the name and the digest by which MLflow knows a data set."""
    return name[:_MAX_DATASET_CHARS], fingerprint[:_DIGEST_CHARS]


@dataclass(frozen=True, kw_only=True)
class CreateRun(Command[str]):
    """Start the run ``own`` and give the store's id of it; ``started`` in milliseconds since 1970."""

    own: str
    name: str
    tags: Mapping[str, str]
    started: int

    def apply(self, store: Store) -> str:
        """Start the run, or find it where it was started before."""
        parent = self.tags.get("mlflow.parentRunId")
        tags = {**self.tags, "mlflow.parentRunId": store.real(parent)} if parent else dict(self.tags)
        found = self._find(store, tags.get("mlflow.parentRunId")) if store.retry else None
        if found is None:
            run = store.client.create_run(store.experiment_id, self.started, tags, self.name)
            found = str(run.info.run_id)
        if store.retry:
            store.ids[self.own] = found
        return found

    def _find(self, store: Store, parent: str | None) -> str | None:
        for run in store.client.search_runs([store.experiment_id], f"attributes.start_time = {self.started}"):
            if run.info.run_name == self.name and run.data.tags.get("mlflow.parentRunId") == parent:
                return str(run.info.run_id)
        return None


@dataclass(frozen=True, kw_only=True)
class LogBatch(Command[None]):
    """Metrics, params and tags of a run, as many as one call of MLflow takes; tags may hold our own ids of runs."""

    run: str
    points: Sequence[Point] = ()
    params: Sequence[tuple[str, str]] = ()
    tags: Sequence[tuple[str, str]] = ()

    def apply(self, store: Store) -> None:
        """Write them with one call."""
        from mlflow.entities import Metric, Param, RunTag

        store.client.log_batch(
            store.real(self.run),
            [Metric(*point) for point in self.points],
            [Param(*param) for param in self.params],
            [RunTag(name, store.with_real_ids(value)) for name, value in self.tags],
        )


@dataclass(frozen=True, kw_only=True)
class ReopenRun(Command[None]):
    """A run that was ended is continued."""

    run: str

    def apply(self, store: Store) -> None:
        """Give the run its status back."""
        store.client.update_run(store.real(self.run), status="RUNNING")


@dataclass(frozen=True, kw_only=True)
class EndRun(Command[None]):
    """The end of a run; ``ended`` in milliseconds since 1970."""

    run: str
    status: Status
    ended: int

    def apply(self, store: Store) -> None:
        """End the run."""
        store.client.set_terminated(store.real(self.run), self.status, self.ended)


@dataclass(frozen=True, kw_only=True)
class LogDataset(Command[None]):
    """Images in a folder, a file or at an address as the data set that a run was trained on.

    Nothing is read: its digest is the beginning of our ``fingerprint``, and ``counts`` are the numbers of images of its
    parts.
    """

    run: str
    name: str
    folder: str
    fingerprint: str
    counts: Mapping[str, int]

    def apply(self, store: Store) -> None:
        """Make the data set an input of the run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        uri = self.folder if is_address(self.folder) else Path(self.folder).absolute().as_uri()
        source = json.dumps({"uri": uri})
        name, digest = dataset_key(self.name, self.fingerprint)
        data = Dataset(name, digest, "local", source, profile=json.dumps(dict(self.counts)))
        tags = [InputTag("mlflow.data.context", "training")]
        store.client.log_inputs(store.real(self.run), [DatasetInput(data, tags)])


@dataclass(frozen=True, kw_only=True)
class TagExperiment(Command[None]):
    """A tag of the experiment, whose ``value`` may hold our own ids of runs."""

    key: str
    value: str

    def apply(self, store: Store) -> None:
        """Set the tag."""
        store.client.set_experiment_tag(store.experiment_id, self.key, store.with_real_ids(self.value))


@dataclass(frozen=True, kw_only=True)
class LogText(Command[None]):
    """A text as the artifact ``name``."""

    run: str
    text: str
    name: str

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.name

    def apply(self, store: Store) -> None:
        """Write the artifact."""
        store.client.log_text(store.real(self.run), self.text, self.name)


@dataclass(frozen=True, kw_only=True)
class LogDict(Command[None]):
    """Plain values as the JSON artifact ``name``."""

    run: str
    values: Mapping[str, Any]
    name: str

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.name

    def apply(self, store: Store) -> None:
        """Write the artifact."""
        store.client.log_dict(store.real(self.run), dict(self.values), self.name)


@dataclass(frozen=True, kw_only=True)
class LogArtifact(Command[None]):
    """A copy of a file or folder as an artifact, below ``folder`` where it is given."""

    run: str
    path: str
    folder: str | None = None

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.path

    def is_gone(self, store: Store) -> bool:
        """Whether the file or folder was removed."""
        return not (store.home / self.path).exists()

    def apply(self, store: Store) -> None:
        """Copy the file or folder as it is now."""
        local = store.home / self.path
        log = store.client.log_artifacts if local.is_dir() else store.client.log_artifact
        log(store.real(self.run), str(local), self.folder)
