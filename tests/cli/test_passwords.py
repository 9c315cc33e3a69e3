"""Passwords in the addresses of a request: used, and neither shown nor kept."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.errors import TrackingError, UsageError
from tlsearch.runs.output import check_output
from tlsearch.search.storage import check_storage
from tlsearch.tracking.location import locate
from tlsearch.tracking.tracker import Tracker

SERVER, DATABASE = "https://ann:s3cret@host/ml", "postgresql://ann:s3cret@host/db?sslmode=require"


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    (tmp_path / "data").mkdir()
    return RunConfig(dataset=tmp_path / "data", tracking_uri=SERVER, storage=DATABASE, output=tmp_path / "out")


def test_the_request_is_kept_without_them(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "run.toml"
    config.to_toml(file)
    assert "s3cret" not in file.read_text()
    kept = RunConfig.from_toml(file)
    assert (kept.tracking_uri, kept.storage) == ("https://host/ml", "postgresql://ann@host/db?sslmode=require")
    # It is the same request, so that the command may be repeated.
    assert config.differences(kept.with_output(tmp_path / "out")) == []
    check_output(config)
    other = RunConfig(dataset=tmp_path / "data", tracking_uri="https://ann:wr0ng@elsewhere", storage=DATABASE)
    assert kept.differences(other) == ["--tracking-uri https://elsewhere"]


@pytest.mark.parametrize(
    "options",
    [
        ["--tracking-uri", "http://u:it'sekret77@127.0.0.1:9"],
        ["--tracking-uri", "http://u:sek:ret@sekret77/pw@127.0.0.1:9"],
        ["--tracking-uri", "u:sekret77@127.0.0.1:5000"],
        ["--tracking-uri=HTTP:/u:sekret77@127.0.0.1:5000"],
        ["--storage", "postgresql+psycopg2://u:it'sekret77@127.0.0.1:9/x"],
        ["--no-such-option", "http://u:it'sekret77@127.0.0.1:9"],
        ["http://u:it'sekret77@127.0.0.1:9"],
        ["--config", "config.toml"],
    ],
)
def test_no_sentence_and_no_file_has_one(
    options: list[str], make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = make_dataset(tmp_path / "data", {"a": 12, "b": 12})
    (tmp_path / "config.toml").write_text('tracking_uri = "u:it\'sekret77@127.0.0.1:5000"')
    result = CliRunner().invoke(cli, ["run", str(data), "--output", "out", *options], prog_name="tlsearch")
    assert result.exit_code == 2, result.output
    assert result.stderr.count("error: ") == 1
    (tmp_path / "config.toml").unlink()
    texts = [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    assert not any("ekret77" in text for text in (result.output, *texts)), result.output
    assert not list(tmp_path.glob("tlsearch-error-*"))


@pytest.mark.parametrize(
    "address",
    [
        "http://u:it sekret77@127.0.0.1:9",
        "http://u:it'sekret77@[::1",
        "http://u:it'sekret77@127.0.0.1:99999",
        "http://127.0.0.1:9/?sig=sekret77",
        "redis://u:it'sekret77@127.0.0.1:9/x",
        "postgresql+psycopg2://u:it'sekret77@127.0.0.1:9/x",
        "mysql+nodriver://u:it'sekret77@127.0.0.1:9/x",
        "sqlite:///nowhere/x.db?key=sekret77",
    ],
)
def test_no_address_that_cannot_be_used_shows_one(address: str, tmp_path: Path) -> None:
    for use in (check_storage, lambda uri: Tracker.open(uri, "any", directory=tmp_path)):
        with pytest.raises(UsageError) as caught:
            use(address)
        assert "ekret77" not in str(caught.value)


def test_the_variable_shows_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://u:p@sekret77/x@127.0.0.1:9")
    with pytest.raises(TrackingError, match="has an @ or a / that may belong") as caught:
        locate(None, tmp_path)
    assert "sekret77" not in str(caught.value)


def test_an_unexpected_error_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        raise RuntimeError(f"could not connect to {DATABASE}")

    monkeypatch.setitem(cli.commands, "fail", click.Command("fail", callback=lambda: fail(tmp_path)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(cli, ["fail"], prog_name="tlsearch")
    assert result.exit_code == 1
    assert "RuntimeError: could not connect to postgresql://host/db" in result.stderr
    (file,) = tmp_path.glob("tlsearch-error-*.txt")
    text = file.read_text()
    assert "could not connect to postgresql://host/db?sslmode=require" in text
    assert "s3cret" not in text + result.output


def test_an_unexpected_error_has_none_with_any_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(dataset=tmp_path, tracking_uri="http://ann:it's3 cret@host", storage='mysql://ann:a"s3cret@host')

    def fail() -> None:
        raise RuntimeError(f"no answer of {config!r}")

    monkeypatch.setitem(cli.commands, "fail", click.Command("fail", callback=fail))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(cli, ["fail"], prog_name="tlsearch")
    (file,) = tmp_path.glob("tlsearch-error-*.txt")
    assert "tracking_uri" in file.read_text()
    assert "cret" not in file.read_text() + result.output
