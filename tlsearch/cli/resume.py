"""``tlsearch resume``: a run, or the training of weights, that was interrupted goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from tlsearch.cli.paths import Source, UserPath
from tlsearch.cli.pretrain import begin
from tlsearch.cli.run import start
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.workers import with_given, worker_options
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_places import BESIDE, moved_places
from tlsearch.config_values import PRETRAIN_NAME, option
from tlsearch.errors import UsageError
from tlsearch.pretrain_config import PretrainConfig

Config = TypeVar("Config", bound=RunConfig)


@click.command(cls=Command, short_help="Go on with a run that was interrupted.")
@click.argument("output", metavar="OUTPUT_DIR", type=UserPath())
@click.option("--dataset", type=Source(), help="Where the images are now, if they were moved since the run began.")
@worker_options
@click.pass_context
def resume(ctx: click.Context, /, output: Path, **options: Any) -> None:
    """Goes on with the run in OUTPUT_DIR, which was interrupted or killed, as if it had not been.

    Nothing that was finished is done again, and the time that was used is counted. Of a run that is finished the
    result is shown. It may have another number of workers, here or on a cluster, and the images may be elsewhere;
    nothing of this changes what comes of a trial. A run with workers of two kinds, with a GPU and without, needs both
    again.
    The training of weights (tlsearch pretrain) goes on likewise; it has one worker.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if (output / PRETRAIN_NAME).is_file():
        for name in set(given) - {"dataset"}:
            raise UsageError(f"{option(name)} is for a run, and this is the training of weights: leave it out.")
        training = _read(PretrainConfig, output, given)
        _check_images(training, output)
        begin(ctx, training)
        return
    if not (output / CONFIG_NAME).is_file():
        raise UsageError(f"{output} holds no run that could go on (there is no {CONFIG_NAME}): name its output folder.")
    config = _read(RunConfig, output, with_given({}, given))
    _check_images(config, output)
    start(ctx, config)


def _read(kind: type[Config], output: Path, given: Mapping[str, Any]) -> Config:
    """What was asked for, with what is ``given`` now. Folders below a data set that was moved have moved with it.

    So have all things that lie where they lay as seen from the output folder.
    """
    from tlsearch.runs.output import moved_with_output

    file = output / kind.file_name
    config = moved_with_output(kind.from_toml(file, **given), output).with_output(output)
    if "dataset" not in given:
        return config
    named, before = {name: getattr(config, name) for name in BESIDE}, kind.from_toml(file).dataset
    moved: dict[str, Any] = dict(moved_places(named, before, config.dataset))
    return replace(config, **moved)


def _check_images(config: RunConfig, output: Path) -> None:
    """Raise ``UsageError`` where the images that are still needed are gone."""
    from tlsearch.runs.output import is_finished

    gone = [folder for folder in config.data_folders if not folder.exists()]
    if gone and not is_finished(output):
        raise UsageError(
            f"The images of this run were in {gone[0]}, where they are no longer: say where they are with `tlsearch "
            f"resume {shlex.quote(str(output))} --dataset FOLDER`."
        )
