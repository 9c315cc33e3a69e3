"""Which store a run uses, and what is said of one that cannot be used."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.tracking.location import locate
from tlsearch.tracking.servers import ui_port
from tlsearch.tracking.servers.ui_port import with_ui_port


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


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


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite:///x?mode=memory"])
def test_a_database_in_memory_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TrackingError, match=r"is a database in memory.*: name a file, such as sqlite:///mlflow\.db"):
        locate(uri, tmp_path)


@pytest.mark.parametrize("uri", ["sqlite:///sub", "sqlite:///", "sqlite:///sub/", "sqlite:///."])
def test_a_folder_is_no_database(tmp_path: Path, uri: str) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(TrackingError, match=r"is a folder: name a file in it, such as sqlite:///.*mlflow\.db"):
        locate(uri, tmp_path)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("http://u:sekret77@[::1", "Invalid IPv6 URL"),
        ("postgresql://[::1/db", "Invalid IPv6 URL"),
        ("http://host:99999", "Port out of range"),
        ("https://host:port", "Port could not be cast"),
        ("https://host:0", "names no host"),
        ("http://", "names no host"),
        ("http:/host:5000", "names no host"),
        ("https:///host", "names no host"),
    ],
)
def test_an_address_that_can_be_of_no_server_is_one_sentence(tmp_path: Path, uri: str, fault: str) -> None:
    with pytest.raises(TrackingError, match=rf"is no address \(.*{fault}.*\): write one such as ") as caught:
        locate(uri, tmp_path)
    assert caught.value.exit_code == 2
    assert "sekret77" not in str(caught.value)


def test_a_server_shows_its_records_itself(tmp_path: Path) -> None:
    location = locate("https://host/ml", tmp_path)
    assert (location.uri, location.connection, location.artifacts) == ("https://host/ml", "https://host/ml", None)
    assert (location.ui_command, location.ui_address) == ("https://host/ml", "https://host/ml")


def test_a_server_without_its_scheme_is_told_apart_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"localhost:5000 is no address: write http://localhost:5000 or https"):
        locate("localhost:5000", tmp_path)


@pytest.mark.parametrize("uri", ["databricks", "databricks://profile", "databricks-uc"])
def test_a_workspace_is_no_folder(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    location = locate(None, tmp_path)
    assert (location.uri, location.connection, location.ui_command, location.ui_address) == (uri, uri, uri, "")


def test_no_password_is_shown_and_a_database_is_opened_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, shown = "postgresql://ann:s3cret@host/db", "postgresql://ann@host/db"
    location = locate(whole, tmp_path)
    assert (location.uri, location.connection) == (shown, whole)
    assert location.ui_command == f"mlflow ui --backend-store-uri {shown}"
    assert "s3cret" not in repr(location)
    # As in a folder that is resumed: the address was kept without its password.
    assert locate(shown, tmp_path).connection == shown
    monkeypatch.setenv("MLFLOW_TRACKING_URI", whole)
    assert locate(shown, tmp_path).connection == whole


def test_a_login_is_taken_out_of_the_address_of_a_server(tmp_path: Path) -> None:
    location = locate("https://ann:s3cret@host", tmp_path)
    assert (location.uri, location.connection, location.ui_command) == ("https://host",) * 3
    assert location.login is not None
    assert (location.login.user, location.login.password) == ("ann", "s3cret")
    assert "s3cret" not in repr(location)


class _Ui(http.server.BaseHTTPRequestHandler):
    """What MLflow's UI answers when it is asked for the experiment "shoes"."""

    def do_GET(self) -> None:
        known = self.path.endswith("experiment_name=shoes")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b'{"experiment": {"experiment_id": "3"}}' if known else b"{}")

    def log_message(self, *args: object) -> None:
        """Nothing on the screen of the tests."""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_where_its_port_is_taken_the_ui_gets_a_free_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = locate(None, tmp_path)
    with serving(_Ui) as taken:
        monkeypatch.setattr(ui_port, "UI_PORT", taken)
        found = with_ui_port(location, "hats", "1")
        assert found.ui_port > taken
        assert ui_port.is_free(found.ui_port)
        assert found.ui_command.endswith(f"mlflow.db --port {found.ui_port}")
        assert found.ui_address == f"http://127.0.0.1:{found.ui_port}"
        # Unless the UI of these records is what answers there.
        assert with_ui_port(location, "shoes", "3") == location
        assert with_ui_port(location, "shoes", "4") != location
    assert with_ui_port(location, "hats", "1") == location
    server = locate("http://host:1", tmp_path)
    assert with_ui_port(server, "hats", "1") is server
