"""Pictures at addresses. No test leaves this machine."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.models.colour_model import write_model, write_picture
from tests.helpers.servers.bucket import serve_bucket
from tlsearch.predictor import Predictor, load
from tlsearch.predictor.sources import addresses
from tlsearch.utils.remote import Patience

# The libraries close their connections when the process ends.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*utcnow"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        vars(self.server)["asked"].append(self.path)
        if "slow" in self.path:
            time.sleep(1.5)
        if "forbidden" in self.path:
            self.send_error(403)
        else:
            super().do_GET()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return load(write_model(tmp_path_factory.mktemp("run") / "model"))


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder that lies at the addresses."""
    folder = tmp_path / "served"
    write_picture(folder / "red one.png", (200, 0, 0))
    write_picture(folder / "deep" / "blue.png", (0, 0, 200))
    (folder / "page.png").write_text("<html>no picture</html>")
    shutil.make_archive(str(tmp_path / "all"), "zip", folder)
    shutil.move(tmp_path / "all.zip", folder / "all.zip")
    return folder


@pytest.fixture
def server(served: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(served))
    ) as running:
        vars(running)["asked"] = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_pictures_of_a_server(predictor: Predictor, server: Any, served: Path) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    asked = [f"{url}/{name}?token=SIGNATURE" for name in ("red%20one.png", "gone.png", "forbidden.png", "page.png")]
    found = predictor.predict([*asked, f"{url}/deep/blue.png", served / "red one.png"])
    assert [item.label for item in found] == ["red", None, None, None, "blue", "red"]
    assert [item.path for item in found[:5]] == [None] * 5
    assert not any("SIGNATURE" in f"{item.name} {item.error}" for item in found)
    assert found[1].error == "there is nothing at the address: check the address"
    assert "the address may not be read with what is known here" in str(found[2].error)
    assert "it is a web page and not an image" in str(found[3].error)
    assert len(server.asked) == 5  # one question for each picture


def test_an_archive_of_a_server(predictor: Predictor, server: Any) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    found = predictor.predict(f"{url}/all.zip")
    assert {item.name: item.label for item in found} == {
        f"{url}/all.zip/red one.png": "red",
        f"{url}/all.zip/deep/blue.png": "blue",
        f"{url}/all.zip/page.png": None,
    }


def test_what_is_kept_back_or_too_large_stops_nothing(
    predictor: Predictor, server: Any, monkeypatch: pytest.MonkeyPatch, served: Path
) -> None:
    monkeypatch.setattr(addresses, "PATIENCE", Patience(connect=0.3, read=0.3, total=0.6))
    monkeypatch.setattr(addresses, "MOST_BYTES", 1000)
    (served / "large.png").write_bytes(bytes(5000))
    write_picture(served / "slow.png", (200, 0, 0))
    url = f"http://127.0.0.1:{server.server_port}"
    found = predictor.predict([f"{url}/{name}.png" for name in ("slow", "large", "deep/blue")])
    assert "the address cannot be reached" in str(found[0].error)
    assert "it has more than 500 MB" in str(found[1].error)
    assert found[2].label == "blue"


def test_an_address_that_nobody_answers_or_knows(predictor: Predictor, server: Any, served: Path) -> None:
    server.shutdown()
    server.server_close()
    found = predictor.predict(
        [f"http://127.0.0.1:{server.server_port}/a.png", "nowhere://bucket/a.png", served.as_uri()]
    )
    assert "the address cannot be reached" in str(found[0].error)
    assert "an address of an unknown kind" in str(found[1].error)
    assert [item.label for item in found[2:] if item.error is None] == ["red", "blue"] or [
        item.label for item in found[2:] if item.error is None
    ] == ["blue", "red"]


def test_pictures_in_a_bucket(predictor: Predictor, served: Path) -> None:
    with serve_bucket("photos", served, "v1"):
        one = predictor.predict("s3://photos/v1/red one.png")
        assert [(item.name, item.label) for item in one] == [("s3://photos/v1/red one.png", "red")]
        found = predictor.predict(["s3://photos/v1", "s3://photos/v1/gone.png", "s3://photos/nothing"])
        assert [item.label for item in found if item.name.startswith("s3://photos/v1/")] == [
            None,
            "red",
            "blue",
            None,
        ]
        assert [item.name.rpartition("/")[2] for item in found[:3]] == ["page.png", "red one.png", "blue.png"]
        assert "there is nothing at the address" in str(found[3].error)
        assert found[4].error is not None
