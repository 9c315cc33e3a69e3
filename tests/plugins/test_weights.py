"""Where weights are looked for, how they are checked and fetched."""

from __future__ import annotations

import hashlib
import http.server
import io
import subprocess
import sys
import threading
import time
from email.message import Message
from functools import partial
from pathlib import Path

import pytest

from tlsearch.errors import WeightsError
from tlsearch.plugins import weights
from tlsearch.plugins.api import WeightSource

CONTENT = b"weights of a network" * 100
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' cache in a folder of the test, no weights folder named, and nothing known of any host."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)
    weights.reachable.cache_clear()


@pytest.fixture
def source(tmp_path: Path) -> WeightSource:
    """A source whose address is a file."""
    origin = tmp_path / "origin.h5"
    origin.write_bytes(CONTENT)
    return WeightSource(
        trained_on="things", licence="free", url=origin.as_uri(), filename="net.h5", file_hash=MD5, megabytes=1.0
    )


def test_nothing_anywhere_needs_a_download(source: WeightSource) -> None:
    found = weights.resolve("net", "imagenet", source)
    assert (found.file, found.weights_id, found.needs_download) == (None, "", True)


def test_the_weights_folder_comes_before_keras_cache(
    source: WeightSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = weights.download(source)
    assert cached == tmp_path / "keras" / "models" / "net.h5"
    assert weights.resolve("net", "imagenet", source).file == cached
    (tmp_path / "mine").mkdir()
    placed = tmp_path / "mine" / "net.h5"
    placed.write_bytes(CONTENT)
    monkeypatch.setenv("TLSEARCH_WEIGHTS_DIR", str(tmp_path / "mine"))
    found = weights.resolve("net", "imagenet", source)
    assert found.file == placed
    assert found.weights_id == SHA256[:16]
    assert not found.needs_download


def test_a_wrong_file_in_the_weights_folder_is_an_error_and_in_the_cache_is_none(
    source: WeightSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = weights.download(source)
    cached.write_bytes(CONTENT[:-1])
    assert weights.resolve("net", "imagenet", source).needs_download
    monkeypatch.setenv("TLSEARCH_WEIGHTS_DIR", str(cached.parent))
    with pytest.raises(WeightsError, match=r"net\.h5 is not what its name says"):
        weights.resolve("net", "imagenet", source)


def test_bundled_weights_are_found_and_missing_ones_named(tmp_path: Path) -> None:
    bundled = tmp_path / "bundled.npz"
    source = WeightSource(trained_on="things", licence="free", path=bundled)
    with pytest.raises(WeightsError, match="reinstall the plugin"):
        weights.resolve("net", "imagenet", source)
    bundled.write_bytes(CONTENT)
    assert weights.resolve("net", "imagenet", source).file == bundled
    with pytest.raises(WeightsError, match="nothing to fetch"):
        weights.download(source)


def test_a_file_that_a_user_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.h5"
    with pytest.raises(WeightsError, match="does not exist"):
        weights.from_file("mine", file)
    file.write_bytes(CONTENT)
    found = weights.from_file("mine", file)
    assert (found.name, found.file, found.weights_id) == ("mine", file, SHA256[:16])


@pytest.mark.parametrize("digest", [MD5, SHA256, SHA256.upper(), None])
def test_both_kinds_of_hash_are_known(tmp_path: Path, digest: str | None) -> None:
    file = tmp_path / "f"
    file.write_bytes(CONTENT)
    source = WeightSource(
        trained_on="things", licence="free", url="https://example.org/f", filename="f", file_hash=digest
    )
    weights.verify(file, source)
    file.write_bytes(CONTENT + b"!")
    if digest:
        with pytest.raises(WeightsError):
            weights.verify(file, source)


def test_download_tells_its_progress_and_fetches_once(source: WeightSource, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    file = weights.download(source, tmp_path / "to", lambda done, total: seen.append((done, total)))
    assert file == tmp_path / "to" / "net.h5"
    assert file.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    seen.clear()
    weights.download(source, tmp_path / "to", lambda done, total: seen.append((done, total)))
    assert seen == []


def test_a_download_that_fails_leaves_nothing_behind(source: WeightSource, tmp_path: Path) -> None:
    wrong = WeightSource(trained_on="things", licence="free", url=source.url, filename="net.h5", file_hash="0" * 32)
    with pytest.raises(WeightsError, match="another hash"):
        weights.download(wrong, tmp_path / "to")
    gone = WeightSource(trained_on="things", licence="free", url=f"{source.url}.gone", filename="net.h5", file_hash=MD5)
    with pytest.raises(WeightsError, match="could not be fetched"):
        weights.download(gone, tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


def test_a_connection_that_breaks_off_is_an_error(
    source: WeightSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        headers = Message()

    Broken.headers["Content-Length"] = str(len(CONTENT) + 1)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Broken(CONTENT))
    with pytest.raises(WeightsError, match=f"broke off after {len(CONTENT)} of"):
        weights.download(source, tmp_path / "to")


def test_hosts_are_asked_once_and_not_beyond_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answers(host: str, timeout: float) -> bool:
        asked.append(host)
        time.sleep(0 if host == "near.example" else 10)
        return host == "near.example"

    monkeypatch.setattr(weights, "_answers", answers)
    start = time.monotonic()
    assert not weights.reachable(("far.example",), 0.2)
    assert not weights.reachable(("far.example",), 0.2)
    assert weights.reachable(("far.example", "near.example"), 1.0)
    assert time.monotonic() - start < 8
    assert sorted(asked) == ["far.example", "far.example", "near.example"]
    assert not weights.reachable(())


def test_a_host_that_refuses_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert not weights.reachable(("https://refusing.example",), 1.0)


def test_an_address_that_is_none_is_not_reachable() -> None:
    assert not weights.reachable(("refusing.example", "https://" + 70 * "x" + ".example"), 1.0)


def test_hosts_of_names_each_once() -> None:
    sources = [
        WeightSource(trained_on="t", licence="l", url="https://b.example/x", filename="x"),
        WeightSource(trained_on="t", licence="l", url="https://a.example/x", filename="x"),
        WeightSource(trained_on="t", licence="l", url="https://b.example/y", filename="y"),
        WeightSource(trained_on="t", licence="l", path=Path("z")),
    ]
    assert weights.hosts_of(sources) == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("where", ["http", "file"])
def test_a_host_is_asked_as_the_address_says(where: str, tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(CONTENT)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder = f"http://127.0.0.1:{server.server_port}" if where == "http" else tmp_path.as_uri()
        source = WeightSource(trained_on="t", licence="l", url=f"{folder}/net.h5", filename="net.h5")
        assert weights.reachable(weights.hosts_of([source]))
        assert weights.download(source).read_bytes() == CONTENT
        server.shutdown()


def test_the_reason_names_the_command_and_the_folder(tmp_path: Path) -> None:
    reason = weights.missing_reason(["vgg19", "resnet50"])
    assert "`tlsearch weights fetch vgg19 resnet50`" in reason
    assert str(tmp_path / "keras" / "models") in reason
    assert "TLSEARCH_WEIGHTS_DIR" in reason


def test_without_keras_home_the_folder_is_that_of_keras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_folder() == tmp_path / ".keras" / "models"


def test_no_backend_is_imported() -> None:
    code = "import sys, tlsearch.plugins.weights; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
