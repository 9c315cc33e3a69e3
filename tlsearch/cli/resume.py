"""``tlsearch resume``: a run, or the training of weights, that was interrupted goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlsearch.cli.options import worker_options
from tlsearch.cli.paths import UserPath
from tlsearch.cli.pretrain import begin
from tlsearch.cli.run import start
from tlsearch.cli.terminal.commands import Command
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_values import PRETRAIN_NAME, option
from tlsearch.errors import UsageError
from tlsearch.pretrain_config import PretrainConfig


@click.command(cls=Command, short_help="Go on with a run that was interrupted.")
@click.argument("output", metavar="OUTPUT_DIR", type=UserPath())
@worker_options
@click.pass_context
def resume(ctx: click.Context, /, output: Path, **options: Any) -> None:
    """Goes on with the run or the pretraining in OUTPUT_DIR, which was interrupted or killed, as if it had not been.

    Nothing that was finished is done again, and the time that was used is counted. Of a run that is finished the
    result is shown. It may have another number of workers, which changes no result.
    """
    if (output / PRETRAIN_NAME).is_file():
        _refuse(options)
        begin(ctx, PretrainConfig.from_toml(output / PRETRAIN_NAME).with_output(output))
        return
    if not (output / CONFIG_NAME).is_file():
        raise UsageError(f"{output} holds no run that could go on (there is no {CONFIG_NAME}): name its output folder.")
    given = {name: value for name, value in options.items() if value is not None}
    start(ctx, RunConfig.from_toml(output / CONFIG_NAME, **given).with_output(output))


def _refuse(options: dict[str, Any]) -> None:
    """Raise ``UsageError`` for an option that means nothing for the training of weights."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"{option(name)} is for a run, and this is the training of weights: leave it out.")
