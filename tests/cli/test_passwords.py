"""Passwords in the addresses of a request: used, and neither shown nor kept."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.runs.output import check_output

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
