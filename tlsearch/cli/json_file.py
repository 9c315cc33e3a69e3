"""The option ``--json FILE``: everything that a command found, for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tlsearch.errors import UsageError

STDOUT = Path("-")

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
    if file == STDOUT:
        # Escaped, so that a terminal of any encoding shows it.
        unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
        click.echo(json.dumps(content, indent=1, ensure_ascii=not unicode))
        return
    text = json.dumps(content, indent=1, ensure_ascii=False)
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {file} cannot be written ({error.strerror}): name another file.") from error
