"""What cannot be read at an address is refused with a sentence, which tells no secret."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.helpers.servers.folder_server import SECRETS, Server, refusal
from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.data.sources import read_source
from tlsearch.utils.remote import why

# The libraries close their connections when the process ends.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*utcnow")]


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
    config = RunConfig(dataset=address)
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
