"""``tlsearch sync``: the record of a run is completed in MLflow."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command


@click.command(cls=Command, short_help="Send to MLflow what a run could not send.")
@click.argument("output", metavar="OUTPUT_DIR", type=UserPath())
def sync(output: Path) -> None:
    """Sends to MLflow what the run in OUTPUT_DIR recorded while the store did not answer.

    Nothing is recorded twice. A run that is still to go on does this itself.
    """
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.tracking.sync import sync as send

    with ConsoleReporter() as reporter:
        count = send(output, reporter)
    click.echo(f"{count} writes were sent." if count else "Nothing waits to be sent.")
