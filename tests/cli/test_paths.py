"""Paths and addresses on the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tlsearch.cli.main import cli
from tlsearch.cli.paths import Source, UserPath


def test_a_tilde_is_the_home_folder(tmp_path: Path, make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_dataset(tmp_path, per_class=12, size=40)
    done = CliRunner().invoke(cli, ["check", "~/dataset", "--json=~/found.json"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "found.json").is_file()


def test_every_path_of_every_command_expands_it() -> None:
    def parameters(command: click.Command) -> list[click.Parameter]:
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        return [*command.params, *(found for each in inner for found in parameters(each))]

    paths = [found for found in parameters(cli) if isinstance(found.type, click.Path)]
    assert len(paths) >= 15
    assert [found.name for found in paths if not isinstance(found.type, UserPath)] == []


@pytest.mark.parametrize("text", ["s3://bucket/pets", "https://host//a/b.zip"])
def test_an_address_stays_a_text(text: str) -> None:
    assert Source().convert(text, None, None) == text
    assert Source().convert("a//b", None, None) == Path("a/b")
