"""Real MLflow servers: of MLflow 2 and 3, with logins, on PostgreSQL, that keep files themselves, behind a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.helpers.servers.bad_proxy import Behaviour, bad_proxy
from tests.helpers.servers.mlflow_server import mlflow_server
from tests.helpers.servers.postgres import PASSWORD, USER, postgres
from tests.helpers.tracking import again_at, check_record, check_runs, record_something
from tlsearch.errors import TrackingError
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.servers import answer
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient

pytestmark = [
    pytest.mark.slow,  # a server takes ten seconds of a core to start
    pytest.mark.timeout(900),
]

OLD = "TLSEARCH_TEST_MLFLOW2"
"""The variable that names the interpreter of an environment with MLflow 2, its logins, and a driver for PostgreSQL."""

ADMIN, ADMIN_PASSWORD = "admin", "p@ss/word-1234"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server: its address, which MLflow it has, and the folder where it keeps the files."""

    address: str
    major: int
    files: Path


def interpreter(major: int) -> str:
    """The Python with such a server; skips the test where there is none."""
    python = sys.executable if major == 3 else os.environ.get(OLD, "")
    if not python:
        pytest.skip(f"{OLD} names no environment with MLflow 2")
    needed = "import psycopg2, flask_wtf"
    if subprocess.run([python, "-c", needed], capture_output=True, check=False).returncode:
        pytest.skip(f"the server cannot have logins and PostgreSQL, for {python} fails at `{needed}`")
    return python


@pytest.fixture(scope="module", params=[2, 3], ids=["mlflow2", "mlflow3"])
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with logins on PostgreSQL, which keeps the files of runs itself."""
    python, home = interpreter(request.param), tmp_path_factory.mktemp("guarded")
    settings = home / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{home}/auth.db\nadmin_username = {ADMIN}\n"
        f"admin_password = {ADMIN_PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    with (
        postgres() as database,
        mlflow_server(
            f"postgresql+psycopg2://{USER}:{quote(PASSWORD, safe='')}@{database}/postgres",
            home / "server.log",
            python=python,
            options=("--app-name", "basic-auth", "--artifacts-destination", str(home / "files")),
            variables={"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "k"},
        ) as address,
    ):
        yield Server(address=address, major=request.param, files=home / "files")


@pytest.fixture(autouse=True)
def _no_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the user's, and none that a test leaves; and time, for the machine may be busy."""
    monkeypatch.setattr(answer, "HINT_SECONDS", 60.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_everything_is_recorded_and_no_password_is_kept(
    guarded: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    with pytest.raises(TrackingError, match="does not let you in") as refused:
        Tracker.open(guarded.address, "any", directory=tmp_path)
    login = guarded.address.replace("://", f"://{ADMIN}:{quote(ADMIN_PASSWORD, safe='')}@")
    tracker = Tracker.open(login, "a/b c", directory=tmp_path, unsent=tmp_path / "unsent", warn=told.append)
    assert tracker.uri == guarded.address
    parent = tracker.start_parent("search", {}, {"role": "search"})
    tracker.check_registry(parent)
    child = record_something(tracker, parent, tmp_path)
    assert not (tmp_path / "unsent").exists()
    if guarded.major == 3:
        check_record(tracker, parent, child)
        assert told == []
    else:
        check_runs(tracker, parent, child)
        assert len(told) == 1
        assert "keeps no logged models, as before MLflow 3 (API request to endpoint /api/2.0/mlflow/logged-m" in told[0]
        assert told[0].endswith(f"the model is runs:/{parent}/winner")
        client = MlflowClient(guarded.address)
        assert (
            Path(client.download_artifacts(parent, "winner/README.md")).read_text() == f"Load `runs:/{parent}/winner`."
        )
        assert (guarded.files / tracker.experiment_id / parent / "artifacts" / "winner" / "MLmodel").is_file()
        (version,) = client.search_model_versions(f"run_id = '{parent}'")
        assert (version.source or "").endswith(f"{parent}/artifacts/winner")
    kept = [file for folder in (tmp_path, guarded.files) for file in folder.rglob("*") if file.is_file()]
    texts = [str(refused.value), *told, *capfd.readouterr(), *(file.read_bytes().decode("latin-1") for file in kept)]
    assert len(kept) > 8
    assert not any(word in text for text in texts for word in (ADMIN_PASSWORD, quote(ADMIN_PASSWORD, safe="")))


def test_an_experiment_that_was_deleted_is_a_sentence(guarded: Server, tmp_path: Path) -> None:
    os.environ.update(MLFLOW_TRACKING_USERNAME=ADMIN, MLFLOW_TRACKING_PASSWORD=ADMIN_PASSWORD)
    tracker = Tracker.open(guarded.address, "gone", directory=tmp_path)
    MlflowClient(guarded.address).delete_experiment(tracker.experiment_id)
    with pytest.raises(TrackingError, match=r"'gone' was deleted: bring it back with `mlflow experiments restore"):
        Tracker.open(guarded.address, "gone", directory=tmp_path)


def test_a_proxy_that_takes_no_files_holds_up_nothing_else(guarded: Server, tmp_path: Path) -> None:
    told: list[str] = []
    os.environ.update(MLFLOW_TRACKING_USERNAME=ADMIN, MLFLOW_TRACKING_PASSWORD=ADMIN_PASSWORD)
    how = Behaviour(behind=guarded.address, refuse={"/mlflow-artifacts/": 413})
    with bad_proxy(how) as address:
        tracker = again_at(address, tmp_path, told, "proxied")
        parent = tracker.start_parent("search", {}, {"role": "search"})
        child = record_something(tracker, parent, tmp_path)
        client = MlflowClient(guarded.address)
        assert (client.get_run(parent).info.status, client.get_run(child).info.status) == ("FINISHED", "FAILED")
        assert client.get_run(parent).data.metrics == {"test": 0.4, "megabytes": 3.5}
        assert "does not keep files (traceback.txt: 413 Client Error" in told[0]
        assert tracker.send_waiting() > 3
        how.refuse.clear()
        assert again_at(address, tmp_path, told, "proxied").send_waiting() == 0
        (check_record if guarded.major == 3 else check_runs)(tracker, parent, child)
