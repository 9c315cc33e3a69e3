"""Which store a run uses, and what is said of one that cannot be used."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.tracking.location import locate


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def busy_server() -> Iterator[str]:
    """A server that answers 404 to everything, and below /dead as a proxy does with nothing behind it."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(502 if self.path.startswith("/dead") else 404)

    def log_message(self, *args: object) -> None:
        """Nothing on the screen of the tests."""


def test_option_goes_before_variable_goes_before_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate(None, tmp_path).uri == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert locate(None, tmp_path).uri == f"sqlite:///{tmp_path}/other.db"
    assert locate("sqlite:///third.db", tmp_path).uri == f"sqlite:///{tmp_path}/third.db"


def test_artifacts_lie_beside_the_database(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    location = locate(f"sqlite:///{tmp_path}/a b/x.db", Path("/"))
    assert location.artifacts == tmp_path / "a b" / "mlartifacts"
    assert location.ui_command == f"mlflow ui --backend-store-uri 'sqlite:///{tmp_path}/a b/x.db'"


def test_an_old_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    assert locate(None, tmp_path).warning == ""
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    assert str(tmp_path / "mlruns") in locate(None, tmp_path).warning
    assert locate("sqlite:///other.db", tmp_path).warning == ""


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "mlruns", "C:\\runs"])
def test_a_folder_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TrackingError, match=r"no longer writes to folders: use a database such as sqlite:///"):
        locate(uri, tmp_path)


def test_a_database_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="create"):
        locate("sqlite:///nowhere/x.db", tmp_path)


def test_a_server_that_answers_anything_will_do(tmp_path: Path, busy_server: str) -> None:
    location = locate(busy_server, tmp_path)
    assert (location.uri, location.artifacts, location.ui_command) == (busy_server, None, busy_server)


def test_a_proxy_with_nothing_behind_it_is_no_server(tmp_path: Path, busy_server: str) -> None:
    with pytest.raises(TrackingError, match=r"does not answer \(502"):
        locate(f"{busy_server}/dead", tmp_path)


def test_a_closed_port_is_noticed_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(TrackingError, match=r"does not answer.*--tracking-uri or MLFLOW_TRACKING_URI") as caught:
        locate(f"http://127.0.0.1:{port}", tmp_path)
    assert time.monotonic() - started < 4
    assert caught.value.exit_code == 2


def test_a_silent_server_is_noticed_within_seconds(tmp_path: Path, silent_port: int) -> None:
    started = time.monotonic()
    with pytest.raises(TrackingError, match="does not answer"):
        locate(f"http://127.0.0.1:{silent_port}", tmp_path)
    assert time.monotonic() - started < 12
