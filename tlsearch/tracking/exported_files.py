"""Exported files and their proofs as artifacts of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsearch.errors import TrackingError
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.quiet import first_line, prepare, quiet

ARTIFACT_FOLDER = "exported"
"""The folder of a run's artifacts that holds them."""


def log_files(record: Mlflow, files: Sequence[Path]) -> None:
    """Log files and folders as artifacts of the run that stands for a search; those of equal names are replaced.

    Raises:
        TrackingError: The store does not take them.
    """
    prepare()
    try:
        with quiet():
            from mlflow import MlflowClient

            client = MlflowClient(record.tracking_uri)
            for file in files:
                if file.is_dir():
                    client.log_artifacts(record.parent_run_id, str(file), f"{ARTIFACT_FOLDER}/{file.name}")
                else:
                    client.log_artifact(record.parent_run_id, str(file), ARTIFACT_FOLDER)
    except Exception as error:  # whatever a store raises
        raise TrackingError(
            f"The MLflow store {record.shown_uri} did not take the exported files ({first_line(error)}), which lie in "
            f"{files[0].parent}: export again with --log when it answers."
        ) from error
