"""Stores of other versions of MLflow: a database that is older or newer, a server that keeps no logged models."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.servers.bad_proxy import PAGE
from tests.helpers.tracking import waiting_files
from tlsearch.errors import TrackingError
from tlsearch.tracking.exported import MODEL_URI, ModelPage
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import Figures
from tlsearch.tracking.servers.refusals import is_absent
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model
    from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND, RESOURCE_DOES_NOT_EXIST

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

OLDER, NEWER = "0584bdc529eb", "fedcba987654"
"""The last version of the tables of MLflow 2, and one that this MLflow does not know."""


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        (OLDER, r"made by an older MLflow than 3\..* upgrade it with `mlflow db upgrade 'sqlite:///{home}/mlflow.db'`"),
        (NEWER, r"made by a newer MLflow than 3\..*: upgrade MLflow with `pip install --upgrade mlflow`"),
    ],
)
def test_a_database_of_another_mlflow_is_tried_once(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str, words: str
) -> None:
    home = tmp_path / "a folder"
    home.mkdir()
    shutil.copy(tables, home)
    with sqlite3.connect(home / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    database.close()
    slept: list[float] = []
    monkeypatch.setattr("tlsearch.tracking.store.time.sleep", slept.append)
    with pytest.raises(TrackingError, match=words.format(home=home)):
        Tracker.open(None, "x", directory=home)
    assert slept == []
    with sqlite3.connect(home / "mlflow.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
    database.close()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def old(
    store: Path, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Tracker:
    """A store that has no logged models, as a server before MLflow 3 answers."""
    no = MlflowException(
        "API request to endpoint /api/2.0/mlflow/logged-models failed with error code 404 != 200. "
        f"Response body: '{PAGE.decode()}'",
        error_code=ENDPOINT_NOT_FOUND,
    )

    def fail(*args: object, **kwargs: object) -> None:
        raise no

    uri = f"sqlite:///{store}/mlflow.db"
    tracker = Tracker.open(uri, request.node.name, directory=store, unsent=tmp_path / "unsent", warn=told.append)
    for name in ("create_logged_model", "search_logged_models", "get_logged_model", "log_outputs"):
        monkeypatch.setattr(tracker._client, name, fail)
    return tracker


def test_where_there_are_no_logged_models_the_model_is_files_of_the_run(
    old: Tracker, tmp_path: Path, told: list[str]
) -> None:
    model = make_model(tmp_path)
    run_id = old.start_parent("search", {}, {})
    page = ModelPage(note=f"Load `{MODEL_URI}`.")
    uris = [old.log_model(run_id, model, np.zeros((1, 8, 8, 3), np.uint8), ("a", "b"), page) for _ in range(2)]
    assert set(uris) == {f"runs:/{run_id}/winner"}
    old.log_model_metrics(run_id, uris[0], {"test": 0.5}, "images", "f00")
    became = old.register(f"m-{run_id}", uris[0], run_id, Figures("f00", "accuracy", 0.5), {}, "a note")
    assert became == f"m-{run_id} version 1; it is the first champion"
    old.finish(run_id, "FINISHED")
    assert told == [
        "the MLflow server keeps no logged models, as before MLflow 3 (API request to endpoint "
        f"/api/2.0/mlflow/logged-models failed with error code 404 != 200): the model is {uris[0]}"
    ]
    client = MlflowClient(old.uri)
    assert client.get_run(run_id).data.metrics == {"test": 0.5}
    assert not (tmp_path / "unsent").exists()
    files = Path(client.download_artifacts(run_id, "winner"))
    assert (files / "README.md").read_text() == f"Load `{uris[0]}`."
    assert (files / "artifacts" / "model" / "model.keras").read_bytes() == b"a network"
    assert Model.load(str(files)).run_id == run_id
    (history,) = json.loads(client.get_run(run_id).data.tags["mlflow.log-model.history"])
    assert (history["artifact_path"], history["run_id"]) == ("winner", run_id)
    assert (client.get_model_version(f"m-{run_id}", "1").source or "").endswith(f"{run_id}/artifacts/winner")


def test_a_model_that_waited_gets_there_too(
    old: Tracker, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = old.start_parent("search", {}, {})

    def fail(*args: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(old._client, "log_artifacts", fail)
        own = old.log_model(run_id, make_model(tmp_path), np.zeros((1, 8, 8, 3), np.uint8), ("a", "b"))
    assert waiting_files(old) == 1
    assert old.send_waiting() == 0
    assert old.real(own) == f"runs:/{run_id}/winner"
    assert len([line for line in told if "keeps no logged models" in line]) == 1


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (MlflowException("no", error_code=ENDPOINT_NOT_FOUND), True),
        (MlflowException("no", error_code=RESOURCE_DOES_NOT_EXIST), True),
        (MlflowException("INTERNAL_ERROR: Response: {'error': {'code': 'UserError', 'message': '404'}}"), True),
        (MlflowException("failed with error code 405 != 200"), True),
        (MlflowException("failed with error code 500 != 200"), False),
        (OSError("the line is dead"), False),
    ],
    ids=str,
)
def test_a_server_says_in_several_ways_that_it_has_no_such_function(error: Exception, absent: bool) -> None:
    assert is_absent(error) == absent


def make_model(folder: Path) -> Path:
    """A folder as a run leaves it."""
    model = folder / "model"
    model.mkdir()
    (model / "model.keras").write_bytes(b"a network")
    for name, values in {"labels": ["a", "b"], "config": {"image_size": 8, "decode_size": 12}}.items():
        (model / f"{name}.json").write_text(json.dumps(values))
    return model
