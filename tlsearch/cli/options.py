"""Options that several commands take, so that they read and mean the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tlsearch.errors import UsageError

STDOUT = Path("-")

test_option = click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of class folders with test images that are surely new.  "
    "[default: the data set's own, else drawn from it]",
)

group_by_option = click.option(
    "--group-by",
    metavar="REGEX",
    help="Keep images on one side of every split whose paths give the same name: the first group of this regular "
    "expression, else the whole match.  [default: only copies and look-alikes]",
)

json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write everything as JSON, too; - prints it, and nothing else.  [default: off]",
)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``file``, or to standard output where it is ``-``.

    Raises ``UsageError`` where it cannot be written.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False)
    if file == STDOUT:
        click.echo(text)
        return
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {file} cannot be written ({error.strerror}): name another file.") from error
