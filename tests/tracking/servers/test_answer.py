"""Whether an MLflow server answers, and what is said of one that does not, or does not let anybody in."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.servers.bad_proxy import Behaviour, bad_proxy, certificate
from tlsearch.errors import TrackingError
from tlsearch.tracking.location import locate
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.servers import answer
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.ui_view import SearchesView

with quiet():
    from mlflow import MlflowClient

VARIABLES = (
    "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the user's settings, and none that a test leaves."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back, too
        monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def told() -> list[str]:
    return []


def ask(address: str, told: list[str] | None = None) -> MlflowClient:
    """What a run does before any work."""
    with quiet():
        return answer.server_client(locate(address, Path("/")), (told if told is not None else []).append)


def test_a_server_that_answers_is_asked_once(told: list[str]) -> None:
    how = Behaviour()
    with bad_proxy(how) as address:
        assert ask(address, told).tracking_uri == address
    assert len(how.asked) == 1
    assert told == []


def test_a_closed_port_is_noticed_at_once(told: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(
        TrackingError, match=r"does not answer \(.*Connection refused\): start it, fix --tracking-uri or MLFLOW_TRACK"
    ) as caught:
        ask(f"http://127.0.0.1:{port}", told)
    assert time.monotonic() - started < 3
    assert told == []
    assert caught.value.exit_code == 2


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(TrackingError, match=r"does not answer \(.*nowhere\.invalid"):
        ask("http://nowhere.invalid:1")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_silent_server_has_the_time_that_mlflow_gives_it(
    silent_port: int, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setattr(answer, "HINT_SECONDS", 0.3)
    address, started = f"http://127.0.0.1:{silent_port}", time.monotonic()
    with pytest.raises(TrackingError, match=r"no answer in 2 s\).*takes longer to wake, set MLFLOW_HTTP_REQUEST_TIM"):
        ask(address, told)
    assert 1.5 < time.monotonic() - started < 9
    assert told == [f"the MLflow server {address} has not answered yet; it has 2 s (MLFLOW_HTTP_REQUEST_TIMEOUT)"]


def test_a_server_that_wakes_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    monkeypatch.setattr(answer, "HINT_SECONDS", 0.3)
    with bad_proxy(Behaviour(delay=1.5)) as address:
        ask(address, told)
    assert len(told) == 1


@pytest.mark.parametrize(
    "name",
    ["MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_ENABLE"],
)
def test_a_variable_that_is_empty_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container gives every variable that it names, those too that nobody has set."""
    monkeypatch.setenv(name, "")
    with bad_proxy(Behaviour()) as address:
        assert ask(address).tracking_uri == address


@pytest.mark.parametrize("text", ["soon", "-1", "0", "inf", "2.5", "9" * 30])
def test_a_time_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", text)
    with pytest.raises(TrackingError, match=rf"^MLFLOW_HTTP_REQUEST_TIMEOUT is '{text}', but it must be a whole numbe"):
        ask("http://127.0.0.1:1")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_with_nothing_behind_it_is_no_server(status: int) -> None:
    started = time.monotonic()
    with (
        bad_proxy(Behaviour(refuse={"/": status})) as address,
        pytest.raises(TrackingError, match=rf"does not answer \(too many {status} error responses\)"),
    ):
        ask(address)
    assert time.monotonic() - started < 3


def test_what_is_no_mlflow_server_is_said_without_its_page() -> None:
    with bad_proxy(Behaviour(refuse={"/": 404})) as address, pytest.raises(TrackingError) as caught:
        ask(address)
    assert str(caught.value).startswith(f"The MLflow server {address} cannot be used (API request to endpoint /api/2.0")
    assert "error code 404 != 200): fix --tracking-uri" in str(caught.value)
    assert "nginx" not in str(caught.value)


def test_a_login_in_the_address_is_used_and_shown_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], told: list[str]
) -> None:
    how = Behaviour(login="ann:s3cr@t/1")
    with bad_proxy(how) as address:
        scheme, host = address.split("://")
        tracker = Tracker.open(
            f"{scheme}://ann:s3cr%40t%2F1@{host}", "x", directory=tmp_path, unsent=tmp_path / "unsent", warn=told.append
        )
        assert (tracker.uri, tracker.ui_command) == (address, address)
        how.refuse = {"runs/": 500}
        tracker.start_parent("search", {"a": 1}, {})
        with pytest.raises(TrackingError, match=r"does not let you in .*MLFLOW_TRACKING_USERNAME and") as caught:
            ask(f"{scheme}://ann:wr0ng@{host}")
    assert len(told) == 1
    everything = [
        *told,
        str(caught.value),
        *capfd.readouterr(),
        *(f.read_text() for f in (tmp_path / "unsent").iterdir()),
    ]
    assert len(everything) > 6
    assert not any(word in text for text in everything for word in ("s3cr", "wr0ng"))


def test_a_server_that_asks_for_a_login_says_how_to_give_one() -> None:
    with bad_proxy(Behaviour(login="ann:s3cret")) as address:
        with pytest.raises(
            TrackingError, match=r"does not let you in \(.*401.*set MLFLOW_TRACKING_USERNAME and MLFLOW"
        ):
            ask(address)
        os.environ.update(MLFLOW_TRACKING_USERNAME="ann", MLFLOW_TRACKING_PASSWORD="s3cret")
        ask(address)


def test_a_private_certificate_is_trusted_where_mlflow_is_told_so(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bad_proxy(Behaviour(), pem) as address:
        with pytest.raises(
            TrackingError,
            match=r"certificate that is not trusted \(.*\): name the file .* MLFLOW_TRACKING_SERVER_CERT_",
        ):
            ask(address)
        for name, value in (
            ("MLFLOW_TRACKING_SERVER_CERT_PATH", str(pem)),
            ("REQUESTS_CA_BUNDLE", str(pem)),
        ):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                ask(address)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_certificate_may_go_unchecked(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    with bad_proxy(Behaviour(), pem) as address:
        ask(address)


@pytest.mark.slow  # importing the SDK of Databricks takes long
def test_a_workspace_is_asked_where_its_own_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = Behaviour()
    with bad_proxy(how) as address:
        monkeypatch.setenv("DATABRICKS_HOST", address)
        monkeypatch.setenv("DATABRICKS_TOKEN", "s3cret")
        tracker = Tracker.open("databricks", "x", directory=tmp_path)
        assert (tracker.uri, tracker.ui_command, tracker.experiment_id) == ("databricks", "databricks", "1")
        assert tracker.offer_view(SearchesView(1)) == ""  # nobody knows where its UI is
        how.refuse = {"experiments/get-by-name": 403}
        with pytest.raises(
            TrackingError, match=r"cannot be made at databricks .*a path such as /Users/you@example.org"
        ):
            Tracker.open("databricks", "y", directory=tmp_path)
    assert "Bearer s3cret" in how.logins
