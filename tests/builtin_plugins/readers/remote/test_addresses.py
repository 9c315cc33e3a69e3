"""Addresses give what the folder gives that lies there. No test leaves this machine."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tests.helpers.servers.bucket import serve_bucket
from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.data.sources import read_source
from tlsearch.data.survey import scan
from tlsearch.errors import DataError
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch.utils.remote import why
from tlsearch_plugins.readers.remote import mirror
from tlsearch_plugins.readers.remote.file_systems import Remote

# The libraries close their connections when the process ends.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*utcnow")]

SECRETS = ("hunter2", "SIGNATURE")


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        asked: "METHOD path" of every request.
        failing: Paths that hold one of these words are answered with ``status``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.asked: list[str] = []
        self.failing: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self, ending: str = ".png") -> list[str]:
        return [asked for asked in self.asked if asked.startswith("GET") and asked.endswith(ending)]


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send_head(self) -> Any:
        self.server.asked.append(f"{self.command} {self.path}")
        for word, status in self.server.failing.items():
            if word in self.path:
                self.send_error(status)
                return None
        return super().send_head()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def served(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    """The folder that lies at the addresses of the tests."""
    make_dataset(tmp_path / "served", classes=("ash", "blue birch"), per_class=4, size=24, splits=("train", "test"))
    return tmp_path / "served"


@pytest.fixture
def server(served: Path) -> Iterator[Server]:
    with Server(served) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def options(folder: Path) -> ReadingOptions:
    return ReadingOptions(cache=folder / "cache")


def read(address: str, folder: Path) -> Reading:
    return read_source(address, options(folder))


def refusal(address: str, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(address, folder)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert not any(secret in said for secret in SECRETS)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return said


def test_a_folder_of_a_server_gives_what_the_folder_gives(tmp_path: Path, served: Path, server: Server) -> None:
    (served / "dataset" / "train" / ".hidden.png").write_bytes(b"x")
    index = scan(f"{server.url}/dataset/", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    assert index.root.name == "dataset"
    assert index.reading is not None
    assert index.reading.understood[0] == f"16 files of {server.url}/dataset/"
    assert len(server.gets()) == 16


def heard_while(address: str, folder: Path) -> list[tuple[float, float, str]]:
    """What is told of progress while an address is read, and that it comes from one thread and only rises."""
    told: list[tuple[float, float, str]] = []
    threads = set()

    def progress(done: float, total: float, what: str) -> None:
        threads.add(threading.get_ident())
        told.append((done, total, what))

    read_source(address, replace(options(folder), progress=progress))
    assert threads == {threading.get_ident()}
    for before, after in pairwise(told):
        assert before[0] <= after[0] or before[2].partition(":")[0] != after[2].partition(":")[0]
    return told


def test_it_is_told_how_far_a_download_is(tmp_path: Path, served: Path, server: Server) -> None:
    told = heard_while(f"{server.url}/dataset", tmp_path)
    size = sum(file.stat().st_size for file in (served / "dataset").rglob("*.png"))
    assert told[0] == (0.0, 1.0, f"looking what lies at {server.url}/dataset")
    assert told[-1][:2] == (1.0, 1.0)
    assert told[-1][2] == (
        f"downloading {server.url}/dataset: 16 of 16 files, {size / 1e6:,.1f} of {size / 1e6:,.1f} MB"
    )
    assert len({done for done, *_ in told}) > 4  # files arrive several at once
    assert [what for *_, what in heard_while(f"{server.url}/dataset", tmp_path)] == [told[0][2]]  # nothing to be done


def test_it_is_told_how_far_one_large_file_is(
    tmp_path: Path, served: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.make_archive(str(served / "pets"), "zip", served / "dataset"))
    with archive.open("ab") as stream:  # a zip file may have anything before its end; here it is a comment
        stream.seek(-2, os.SEEK_END)
        stream.write((60_000).to_bytes(2, "little") + b"x" * 60_000)

    def drip(self: Handler, source: Any, target: Any) -> None:
        while block := source.read(8192):
            target.write(block)
            target.flush()
            time.sleep(0.03)

    monkeypatch.setattr(Handler, "copyfile", drip)
    monkeypatch.setattr(mirror, "_SHOWN_EVERY", 0.01)
    told = heard_while(f"{server.url}/pets.zip", tmp_path)
    downloading = [done for done, _, what in told if what.startswith("downloading")]
    assert len([done for done in set(downloading) if 0 < done < 1]) >= 2
    assert downloading[-1] == 1
    unpacking = [(done, what) for done, _, what in told if what.startswith("unpacking pets.zip: ")]
    assert unpacking[-1][0] == 1
    assert "16 files" in unpacking[-1][1]


def test_only_what_has_changed_is_downloaded(tmp_path: Path, served: Path, server: Server) -> None:
    address = f"{server.url}/dataset"
    read(address, tmp_path)
    server.asked.clear()
    read(address, tmp_path)
    assert server.gets() == []

    files = sorted((served / "dataset").rglob("*.png"))
    files[0].unlink()
    shutil.copy(files[2], files[1])  # which is another size
    shutil.copy(files[2], files[3].with_name("new.png"))
    os.utime(files[1], (1, 1))
    index = scan(address, reading=options(tmp_path))
    assert len(server.gets()) == 2
    assert index.fingerprint == scan(served / "dataset").fingerprint


def test_an_interrupted_download_goes_on(tmp_path: Path, served: Path, server: Server) -> None:
    downloads = Remote.download

    def in_order(self: Remote, file: Any, target: str, on_bytes: Any) -> None:
        if "test/ash/003" not in file.path:
            downloads(self, file, target, on_bytes)
            return
        raise ConnectionResetError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Remote, "download", in_order)
        assert "cannot be reached (ConnectionResetError)" in refusal(f"{server.url}/dataset", tmp_path)
    already = len(server.gets())
    assert already
    assert not list((tmp_path / "cache").rglob("*.part"))
    server.asked.clear()
    index = scan(f"{server.url}/dataset", reading=options(tmp_path))
    assert len(server.gets()) == 16 - already
    assert index.fingerprint == scan(served / "dataset").fingerprint


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_of_a_server(tmp_path: Path, served: Path, server: Server, kind: str) -> None:
    archive = Path(shutil.make_archive(str(served / "pets"), kind, served / "dataset"))
    index = scan(f"{server.url}/{archive.name}?download=1", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    assert index.reading is not None
    assert index.reading.understood[0].startswith("1 file of http://127.0.0.1:")
    assert index.reading.understood[1] == f"unpacked {archive.name} (16 files)"


def flat(served: Path) -> Path:
    """A folder with a table, the images that it names, in a folder of their own, and one that it does not name."""
    folder = served / "flat"
    (folder / "blue images").mkdir(parents=True)
    files = sorted((served / "dataset" / "train").rglob("*.png"))
    for file in files:
        shutil.copy(file, folder / "blue images" / f"{file.parent.name[0]}-{file.name}")
    shutil.copy(files[0], folder / "another.png")
    rows = [f"blue images/{file.parent.name[0]}-{file.name},{file.parent.name}" for file in files]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *rows, "blue images/gone.png,ash"]))
    return folder


def test_a_table_of_a_server_brings_the_images_that_it_names(tmp_path: Path, served: Path, server: Server) -> None:
    folder = flat(served)
    address = f"{server.url}/flat/labels.csv?token=SIGNATURE"
    index = scan(address, reading=options(tmp_path))
    assert index.fingerprint == scan(folder / "labels.csv").fingerprint
    assert index.counts == {"ash": 4, "blue birch": 4}
    assert index.reading is not None
    assert index.reading.understood[0] == f"9 files of {server.url}/flat/labels.csv"
    assert sum("gone" not in asked for asked in server.gets(".png?token=SIGNATURE")) == 8
    server.asked.clear()
    assert scan(address, reading=options(tmp_path)).fingerprint == index.fingerprint
    assert not [asked for asked in server.gets(".png?token=SIGNATURE") if "gone" not in asked]


def test_a_table_of_a_server_without_images_beside_it(tmp_path: Path, served: Path, server: Server) -> None:
    folder = flat(served)
    shutil.move(folder / "labels.csv", served / "labels.csv")
    said = refusal(f"{server.url}/labels.csv?token=SIGNATURE", tmp_path)
    assert f"{server.url}/labels.csv is a table, and the images that it names do not lie beside it" in said
    assert f"such as {server.url}/, or the folder of images on this machine with --images DIR." in said
    here = replace(options(tmp_path), images=str(folder))
    assert len(scan(f"{server.url}/labels.csv", reading=here).images) == 8


def test_a_server_that_is_gone_is_read_from_its_copy_with_a_note(tmp_path: Path, served: Path, server: Server) -> None:
    address = f"{server.url}/dataset"
    first = read(address, tmp_path)
    server.failing["dataset"] = 503
    again = read(address, tmp_path)
    assert again.items == first.items
    (note,) = again.notes
    assert note.startswith("The copy of 2")
    assert note.endswith("is read. " + f"{address} cannot be read now, as the server answers 503: try again later.")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "may not be read with what is known here"),
        (403, "may not be read with what is known here"),
        (404, "There is nothing at"),
        (500, "the server answers 500: try again later"),
    ],
)
def test_what_a_server_refuses(tmp_path: Path, server: Server, status: int, sentence: str) -> None:
    server.failing["dataset"] = status
    said = refusal(f"http://me:hunter2@127.0.0.1:{server.server_port}/dataset?X-Amz-Signature=SIGNATURE", tmp_path)
    assert sentence in said
    assert f"http://127.0.0.1:{server.server_port}/dataset" in said


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen
        said = refusal(f"http://127.0.0.1:{taken.getsockname()[1]}/pets.zip", tmp_path)
    assert "cannot be reached (" in said
    assert "check the network and the host" in said


def test_a_page_is_no_data_set(tmp_path: Path, served: Path, server: Server) -> None:
    (served / "page").mkdir()
    (served / "page" / "index.html").write_text(
        '<a href="/elsewhere/">x</a> <a href="about">y</a> <a href="?q=1">z</a>'
    )
    assert "is a web page that lists no files: give the address of an archive" in refusal(
        f"{server.url}/page", tmp_path
    )


def test_names_that_lead_out_are_refused(tmp_path: Path, served: Path, server: Server) -> None:
    (served / "page").mkdir()
    (served / "page" / "index.html").write_text('<a href="..%2F..%2Fx.png">x</a>')
    (served / "x.png").write_bytes(b"x")
    said = refusal(f"{server.url}/page/", tmp_path)
    assert said.endswith("/page/ holds no file: check the address.")
    assert not list(tmp_path.glob("**/cache/**/x.png"))


def test_no_secret_is_kept(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    port = server.server_port
    address = f"http://me:hunter2@127.0.0.1:{port}/dataset/?token=SIGNATURE&id=7"
    config = RunConfig(address)
    assert config.dataset == address
    assert config.effective_experiment == "dataset"
    config.to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml").dataset == f"http://127.0.0.1:{port}/dataset/?id=7"
    assert config.differences(RunConfig.from_toml(tmp_path / "run.toml")) == []

    done = CliRunner().invoke(cli, ["check", address, "--json", str(tmp_path / "check.json")])
    assert f"16 files of http://127.0.0.1:{port}/dataset/?id=7" in done.output
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not [secret for secret in SECRETS for text in (*kept, done.output.encode()) if secret.encode() in text]


def test_a_file_address_is_the_folder(served: Path) -> None:
    assert read_source((served / "dataset").as_uri()).items == read_source(served / "dataset").items


@pytest.mark.parametrize(
    ("scheme", "extra"), [("https", "http"), ("http", "http"), ("s3", "s3"), ("gs", "gs"), ("hf", "hf")]
)
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    said = refusal(f"{scheme}://bucket/pets", tmp_path)
    assert f"{scheme}://bucket/pets needs the package " in said
    assert said.endswith(f"install it with `pip install 'tlsearch[{extra}]'`.")


def test_an_unknown_kind_of_address(tmp_path: Path) -> None:
    assert "is an address of an unknown kind: write https://" in refusal("nowhere://bucket/pets", tmp_path)


def test_errors_of_hugging_face_are_understood() -> None:
    import httpx2 as httpx

    response = httpx.Response(401, request=httpx.Request("GET", "https://hub/x?token=SIGNATURE"))
    error = httpx.HTTPStatusError("401 SIGNATURE", request=response.request, response=response)
    said = why(error, "hf", "hf://datasets/a/b")
    assert said.startswith("hf://datasets/a/b may not be read with what is known here: log in with `hf auth login` or")
    assert "hf://datasets/USER/NAME" in why(FileNotFoundError("x"), "hf", "hf://a/b")


@pytest.fixture
def bucket(served: Path) -> Iterator[Any]:
    """A bucket ``pets`` of a local S3 server that holds the folder ``served``."""
    with serve_bucket("pets", served, "v1") as client:
        yield client


def test_a_bucket_gives_what_the_folder_gives(tmp_path: Path, served: Path, bucket: Any) -> None:
    index = scan("s3://pets/v1/dataset", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.png")}

    bucket.delete_object(Bucket="pets", Key="v1/dataset/train/ash/000.png")
    bucket.put_object(
        Bucket="pets",
        Key="v1/dataset/train/ash/009.png",
        Body=(served / "new.png").read_bytes() if (served / "new.png").exists() else next(iter(times)).read_bytes(),
    )
    again = read("s3://pets/v1/dataset", tmp_path)
    names = {item.path for item in again.items}
    assert "train/ash/000.png" not in names
    assert "train/ash/009.png" in names
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.png")}
    assert len(kept.items() & times.items()) == 15


def test_an_archive_in_a_bucket(tmp_path: Path, served: Path, bucket: Any) -> None:
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", served / "dataset")
    bucket.upload_file(archive, "pets", "pets.zip")
    index = scan("s3://pets/pets.zip", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint


@pytest.mark.parametrize("ending", [".png", ""])
def test_a_table_in_a_bucket_brings_the_images_that_it_names(
    tmp_path: Path, served: Path, bucket: Any, ending: str
) -> None:
    files = sorted((served / "dataset" / "train").rglob("*.png"))
    rows = ["file,label"]
    for number, file in enumerate(files):
        bucket.upload_file(str(file), "pets", f"flat/images/{number}.png")
        rows.append(f"{number}{ending},{file.parent.name}")
    bucket.upload_file(str(files[0]), "pets", "flat/images/another.png")
    bucket.put_object(Bucket="pets", Key="flat/labels.csv", Body="\n".join(rows).encode())
    reading = read("s3://pets/flat/labels.csv", tmp_path)
    assert {item.file.name: set(item.labels) for item in reading.items} == {
        f"{number}.png": {file.parent.name} for number, file in enumerate(files)
    }
    assert reading.understood[0] == "9 files of s3://pets/flat/labels.csv"


def test_what_a_bucket_refuses(tmp_path: Path, bucket: Any) -> None:
    assert refusal("s3://pets/v2", tmp_path) == "There is nothing at s3://pets/v2: check the address."
    assert "There is nothing at s3://nobody/v2" in refusal("s3://nobody/v2", tmp_path)
