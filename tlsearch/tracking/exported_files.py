"""Exported files and their proofs as artifacts of a finished run, and ONNX files as models of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.errors import TrackingError
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported import OnnxModel
from tlsearch.tracking.location import locate
from tlsearch.tracking.quiet import first_line, prepare, quiet
from tlsearch.tracking.store import open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model, ModelSignature

ARTIFACT_FOLDER = "exported"
"""The folder of a run's artifacts that holds them."""

HASH_TAG = "sha256"
"""The tag of a logged model that has the hash of its file: the same file is logged once."""

_REQUIREMENTS = ("mlflow", "numpy", "onnx", "onnxruntime")


def log_files(record: Mlflow, files: Sequence[Path]) -> None:
    """Log files and folders as artifacts of the run that stands for a search; those of equal names are replaced.

    Raises:
        TrackingError: The store does not take them.
    """
    with _store(record, files[0].parent) as client:
        for file in files:
            if file.is_dir():
                client.log_artifacts(record.parent_run_id, str(file), f"{ARTIFACT_FOLDER}/{file.name}")
            else:
                client.log_artifact(record.parent_run_id, str(file), ARTIFACT_FOLDER)


def log_onnx(record: Mlflow, model: OnnxModel, folder: Path) -> str:
    """Log a network in MLflow's flavour for ONNX, as a model of the run that stands for a search.

    A server that keeps no logged models gets it as files of the run.

    Args:
        record: Says which run of which store.
        model: The network.
        folder: Where its file lies, for messages.

    Returns:
        Its URI for ``mlflow.onnx.load_model`` and ``mlflow.pyfunc.load_model``; that of before where the same file was
        logged before.

    Raises:
        TrackingError: The store does not take it.
    """
    with _store(record, folder) as client:
        from tlsearch.tracking.model import Loggable, NoLoggedModelsError, find_model, log, log_files_of

        tags = {HASH_TAG: model.sha256}
        loggable = Loggable(name=model.name, page=model.page, save=partial(_saved, model), tags=tags)
        run_id, experiment_id = record.parent_run_id, record.experiment_id
        try:
            known = find_model(client, experiment_id, run_id, model.name, tags)
            return known or log(client, experiment_id, run_id, loggable)
        except NoLoggedModelsError:
            return log_files_of(client, run_id, loggable)


@contextmanager
def _store(record: Mlflow, folder: Path) -> Iterator[MlflowClient]:
    """The store of a run, in quiet. What it raises becomes a sentence that names the ``folder`` of the files."""
    prepare()
    try:
        with quiet():
            # The record keeps no password: MLflow's own variables have it.
            yield open_client(locate(record.tracking_uri, Path.cwd()))
    except Exception as error:  # whatever a store raises
        raise TrackingError(
            f"The MLflow store {record.shown_uri} did not take the exported files ({first_line(error)}), which lie in "
            f"{folder}: export again with --log when it answers."
        ) from error


@contextmanager
def _saved(model: OnnxModel, meta: Model) -> Iterator[Path]:
    """The model as MLflow keeps one, in a folder that is removed afterwards."""
    import mlflow.onnx

    with tempfile.TemporaryDirectory(prefix="tlsearch-model-") as folder:
        path = Path(folder) / "model"
        mlflow.onnx.save_model(
            model.network,
            str(path),
            mlflow_model=meta,
            signature=_signature(model),
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
            # The proof was made on the processor. Where CUDA is missing, MLflow would warn at every loading.
            onnx_execution_providers=["CPUExecutionProvider"],
            metadata=dict(model.metadata),
            save_as_external_data=False,  # one file, as the export wrote it
        )
        yield path


def _signature(model: OnnxModel) -> ModelSignature:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    first, *others = model.network.graph.output
    more = [TensorSpec(np.dtype("float32"), (-1,), output.name) for output in others]
    pixels, classes = (-1, model.side, model.side, 3), len(json.loads(model.metadata["labels"]))
    return ModelSignature(
        # Without a name, so that an array will do.
        inputs=Schema([TensorSpec(np.dtype("float32"), pixels)]),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, classes), first.name), *more]),
    )
