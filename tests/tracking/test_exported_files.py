"""Exported files as artifacts of a run in a real store."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlsearch.errors import TrackingError
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported import MODEL_URI, ModelPage, OnnxModel
from tlsearch.tracking.exported_files import log_files, log_onnx
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
    (tmp_path / "model.onnx").write_text("network")
    with pytest.raises(TrackingError, match=r"did not take the exported files \(.*\), which lie in .*: export again"):
        log_files(replace(record, parent_run_id="0" * 32), [tmp_path / "model.onnx"])


SIDE = 4
METADATA = {"labels": '["cat", "dog", "newt"]', "image_size": str(SIDE)}


@pytest.fixture
def network() -> Any:
    """A network in ONNX that gives the shares of red, green and blue in a picture."""
    onnx = pytest.importorskip("onnx", reason="the extra tlsearch[onnx] is not installed")
    pytest.importorskip("onnxruntime", reason="the extra tlsearch[onnx] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    total = helper.make_node("ReduceSum", ["rgb", "places"], ["colours"], keepdims=0)
    every = helper.make_node("ReduceSum", ["colours", "last"], ["all"], keepdims=1)
    share = helper.make_node("Div", ["colours", "all"], ["probabilities"])
    graph = helper.make_graph(
        [total, every, share],
        "shares",
        [helper.make_tensor_value_info("rgb", kind, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", kind, ["N", 3])],
        [
            onnx.numpy_helper.from_array(np.array([1, 2], np.int64), "places"),
            onnx.numpy_helper.from_array(np.array([1], np.int64), "last"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, METADATA)
    return made


@pytest.fixture
def model(network: Any) -> OnnxModel:
    page = ModelPage(note=f"the winner, at {MODEL_URI}", params={"precision": "float32"})
    return OnnxModel(name="winner-onnx", network=network, side=SIDE, metadata=METADATA, sha256="0" * 64, page=page)


PIXELS = np.zeros((5, SIDE, SIDE, 3), np.float32)
PIXELS[..., 0], PIXELS[..., 2] = 10, 30
SHARES = np.array([[0.25, 0.0, 0.75]] * 5)


def test_an_onnx_file_becomes_a_model_of_the_run(record: Mlflow, model: OnnxModel, tmp_path: Path) -> None:
    uri = log_onnx(record, model, tmp_path)
    with quiet():
        import mlflow
        from mlflow import MlflowClient

        client = MlflowClient(record.tracking_uri)
        (logged,) = client.search_logged_models([record.experiment_id])
        run = client.get_run(record.parent_run_id)
        # By its place: an address in a store would need MLflow's tracking URI, which all tests share.
        loaded = mlflow.pyfunc.load_model(logged.artifact_location)
        native = mlflow.onnx.load_model(logged.artifact_location)
    assert uri == f"models:/{logged.model_id}"
    assert (logged.name, logged.status, logged.source_run_id) == ("winner-onnx", "READY", record.parent_run_id)
    assert logged.params == {"precision": "float32"}
    assert logged.tags["mlflow.note.content"] == f"the winner, at {uri}"
    assert run.outputs is not None
    assert [output.model_id for output in run.outputs.model_outputs] == [logged.model_id]
    assert loaded.predict(PIXELS)["probabilities"] == pytest.approx(SHARES)
    assert loaded.metadata.metadata == METADATA
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, SIDE, SIDE, 3)
    assert {entry.key: entry.value for entry in native.metadata_props} == METADATA


def test_the_same_file_is_logged_once(record: Mlflow, model: OnnxModel, tmp_path: Path) -> None:
    first = log_onnx(record, model, tmp_path)
    assert log_onnx(record, model, tmp_path) == first
    assert log_onnx(record, replace(model, sha256="1" * 64), tmp_path) != first


def test_a_server_without_logged_models_gets_it_as_files_of_the_run(
    record: Mlflow, model: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quiet():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND

    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("failed with error code 404 != 200", error_code=ENDPOINT_NOT_FOUND)

    for name in ("create_logged_model", "search_logged_models", "log_outputs"):
        monkeypatch.setattr(MlflowClient, name, refuse)
    for name in ("winner-onnx", "winner-onnx-int8", "winner-onnx"):
        uri = log_onnx(record, replace(model, name=name), tmp_path)
        assert uri == f"runs:/{record.parent_run_id}/{name}"
    folder = next((tmp_path / "artifacts").rglob("winner-onnx"))
    assert {"MLmodel", "model.onnx", "README.md"} <= {file.name for file in folder.iterdir()}
    assert uri in (folder / "README.md").read_text()
    tags = MlflowClient(record.tracking_uri).get_run(record.parent_run_id).data.tags
    history = json.loads(tags["mlflow.log-model.history"])
    assert sorted(entry["artifact_path"] for entry in history) == ["winner-onnx", "winner-onnx-int8"]


def test_a_store_that_takes_no_model_ends_in_a_sentence(record: Mlflow, model: OnnxModel, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"did not take the exported files \(.*\), which lie in .*: export again"):
        log_onnx(replace(record, parent_run_id="0" * 32), model, tmp_path)
