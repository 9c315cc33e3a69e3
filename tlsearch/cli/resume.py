"""``tlsearch resume``: a run that was interrupted goes on."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.run import start
from tlsearch.cli.terminal.commands import Command
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import UsageError


@click.command(cls=Command, short_help="Go on with a run that was interrupted.")
@click.argument("output", metavar="OUTPUT_DIR", type=UserPath())
@click.pass_context
def resume(ctx: click.Context, output: Path) -> None:
    """Goes on with the run in OUTPUT_DIR, which was interrupted or killed, as if it had not been.

    Nothing that was finished is done again, and the time that was used is counted. Of a run that is finished the
    result is shown.
    """
    if not (output / CONFIG_NAME).is_file():
        raise UsageError(f"{output} holds no run that could go on (there is no {CONFIG_NAME}): name its output folder.")
    start(ctx, RunConfig.from_toml(output / CONFIG_NAME).with_output(output))
