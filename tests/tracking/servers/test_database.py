"""Databases that cannot be opened: one try and one sentence, where MLflow alone would try for minutes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.tracking.servers import database
from tlsearch.tracking.tracker import Tracker


@pytest.fixture(autouse=True)
def _one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is not asked at all."""
    monkeypatch.setattr("mlflow.MlflowClient.search_experiments", None)


def refused(uri: str, folder: Path) -> str:
    with pytest.raises(TrackingError) as caught:
        Tracker.open(uri, "any", directory=folder)
    return str(caught.value)


def test_a_port_where_nobody_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    pytest.importorskip("psycopg2")
    said = refused(f"postgresql+psycopg2://ann:it's3cret@127.0.0.1:{port}/db", tmp_path)
    assert said.startswith(f"The MLflow database postgresql+psycopg2://ann@127.0.0.1:{port}/db cannot be opened (")
    assert "Connection refused" in said
    assert said.endswith("): fix it, or choose another one with --tracking-uri.")
    assert "cret" not in said


def test_a_server_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = refused(f"postgresql+psycopg2://ann@127.0.0.1:{server.getsockname()[1]}/db", tmp_path)
    assert "does not answer (no answer in 0.3 s): fix it" in said


def test_a_driver_that_is_not_installed(tmp_path: Path) -> None:
    said = refused("mysql+mysqldb://ann:it's3cret@127.0.0.1:1/db", tmp_path)
    assert "No module named 'MySQLdb'" in said
    assert "pip install mysqlclient" in said


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 2\0 and more"])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    said = refused("sqlite:///notes.txt", tmp_path)
    assert said == f"{tmp_path}/notes.txt is no database of SQLite: name another file with --tracking-uri."
    assert (tmp_path / "notes.txt").read_bytes() == content
