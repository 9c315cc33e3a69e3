"""Exported files as artifacts of a run in a real store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported_files import log_files
from tlsearch.tracking.quiet import quiet


@pytest.fixture
def record(tables: Path, tmp_path: Path) -> Mlflow:
    shutil.copy(tables, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        experiment = client.create_experiment("pets", artifact_location=(tmp_path / "artifacts").as_uri())
        run = client.create_run(experiment)
    return Mlflow(tracking_uri=uri, experiment_id=experiment, parent_run_id=run.info.run_id, ui_command="mlflow ui")


def test_files_and_folders_are_logged(record: Mlflow, tmp_path: Path) -> None:
    (tmp_path / "model.saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "model.saved_model" / "variables" / "index").write_text("1")
    (tmp_path / "model.onnx").write_text("network")
    log_files(record, [tmp_path / "model.onnx", tmp_path / "model.saved_model"])
    logged = sorted(path for path in (tmp_path / "artifacts").rglob("*") if path.is_file())
    assert [path.read_text() for path in logged] == ["network", "1"]
    assert [path.parent.name for path in logged] == ["exported", "variables"]


def test_a_run_that_is_not_there_ends_in_a_sentence(record: Mlflow, tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "model.onnx").write_text("network")
    with pytest.raises(TrackingError, match=r"did not take the exported files \(.*\), which lie in .*: export again"):
        log_files(replace(record, parent_run_id="0" * 32), [tmp_path / "model.onnx"])
