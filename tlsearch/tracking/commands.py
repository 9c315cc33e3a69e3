"""Everything that a run writes into an MLflow store, as calls whose arguments JSON can hold.

So a call that fails for want of the store can be kept in a file and made later. Made twice, it counts once: MLflow
keeps one of two equal params, tags, metrics of one moment, artifacts and data sets; of what it would keep twice (runs,
models, versions of models) the second call finds what the first has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.tracking.naming import Status
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import Figures, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

Point = tuple[str, float, int, int]
"""A metric: name, value, milliseconds since 1970, step."""


class Writes:
    """The writes into one experiment; each raises what MLflow raises.

    Runs and models are named by an id of the store, or by one of our own that ``ids`` translates, or will once they
    are there. ``home`` is the folder that relative paths of files begin at. ``again``: the call was meant to be made
    earlier; what it writes may be there already, as its answer may have been lost, and is known by our id.
    """

    def __init__(
        self, client: MlflowClient, experiment_id: str, ids: dict[str, str], home: Path, again: bool = False
    ) -> None:
        self._client, self._experiment_id, self._ids = client, experiment_id, ids
        self._home, self._again = home, again

    def create_run(self, own: str, name: str, tags: Mapping[str, str], started: int) -> str:
        """Start the run ``own`` and give the store's id of it; ``started`` in milliseconds since 1970."""
        parent = tags.get("mlflow.parentRunId")
        tags = {**tags, "mlflow.parentRunId": self._real(parent)} if parent else tags
        found = self._find_run(name, tags, started) if self._again else None
        if found is None:
            run = self._client.create_run(self._experiment_id, started, dict(tags), name)
            found = str(run.info.run_id)
        if self._again:
            self._ids[own] = found
        return found

    def log_batch(
        self, run: str, points: Sequence[Point], params: Sequence[tuple[str, str]], tags: Sequence[tuple[str, str]]
    ) -> None:
        """Metrics, params and tags, as many as one call of MLflow takes."""
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            self._real(run),
            [Metric(*point) for point in points],
            [Param(*param) for param in params],
            [RunTag(*tag) for tag in tags],
        )

    def open_again(self, run: str) -> None:
        """A run that was ended goes on."""
        self._client.update_run(self._real(run), status="RUNNING")

    def end_run(self, run: str, status: Status, ended: int) -> None:
        """End a run; ``ended`` in milliseconds since 1970."""
        self._client.set_terminated(self._real(run), status, ended)

    def log_dataset(self, run: str, name: str, folder: str, fingerprint: str, counts: Mapping[str, int]) -> None:
        """What a run worked on."""
        from tlsearch.tracking.entities import to_dataset

        self._client.log_inputs(self._real(run), [to_dataset(name, Path(folder), fingerprint, counts)])

    def tag_experiment(self, key: str, value: str) -> None:
        """A tag of the experiment."""
        self._client.set_experiment_tag(self._experiment_id, key, value)

    def log_text(self, run: str, text: str, name: str) -> None:
        """A text as the artifact ``name``."""
        self._client.log_text(self._real(run), text, name)

    def log_dict(self, run: str, values: Mapping[str, Any], name: str) -> None:
        """Values as the JSON artifact ``name``."""
        self._client.log_dict(self._real(run), dict(values), name)

    def log_artifact(self, run: str, path: str, folder: str | None) -> None:
        """A copy of a file or folder as an artifact."""
        local = self._home / path
        keep = self._client.log_artifacts if local.is_dir() else self._client.log_artifact
        keep(self._real(run), str(local), folder)

    def log_model(self, own: str, run: str, folder: str, example: Any, classes: Sequence[str]) -> str:
        """The exported model in ``folder`` as the model ``own`` of a run; gives its URI."""
        from tlsearch.tracking.model import find_model, log_model

        run_id = self._real(run)
        with quiet():
            uri = find_model(self._client, self._experiment_id, run_id) if self._again else ""
            uri = uri or log_model(
                self._client,
                self._experiment_id,
                run_id,
                self._home / folder,
                np.asarray(example, np.uint8),
                tuple(classes),
            )
        if self._again:
            self._ids[own] = uri
        return uri

    def register(
        self, name: str, model: str, run: str, figures: Mapping[str, Any], tags: Mapping[str, str], note: str
    ) -> str:
        """A logged model as a version of ``name``; gives a sentence that says what became of it."""
        with quiet():
            return register(self._client, name, self._real(model), self._real(run), Figures(**figures), tags, note)

    def _real(self, known: str) -> str:
        return self._ids.get(known, known)

    def _find_run(self, name: str, tags: Mapping[str, str], started: int) -> str | None:
        parent = tags.get("mlflow.parentRunId")
        for run in self._client.search_runs([self._experiment_id], f"attributes.start_time = {started}"):
            if run.info.run_name == name and run.data.tags.get("mlflow.parentRunId") == parent:
                return str(run.info.run_id)
        return None


def is_refusal(error: Exception) -> bool:
    """Whether the store has answered and said no, so that the same call would fail for ever."""
    code = getattr(error, "error_code", "")
    gone = isinstance(error, FileNotFoundError)  # a file that was to be kept is not there any more
    return gone or code in ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")
