"""``tlsearch pretrain``: weights of one's own for a network, trained on other images than those of the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlsearch.cli.options import (
    batch_size_option,
    check_destination,
    force_option,
    given_options,
    group_by_option,
    record_options,
    source_options,
)
from tlsearch.cli.paths import Source, UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.values import WholeNumber, as_number
from tlsearch.config_values import RANGES
from tlsearch.errors import UsageError
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.utils.signals import interruptible
from tlsearch.utils.units import parse_duration


@click.command(cls=Command, short_help="Train a network's own weights on other images, for later runs.")
@click.argument("backbone", metavar="BACKBONE")
@click.argument("dataset", metavar="DATASET", type=Source())
@source_options
@group_by_option
@option(
    "--name",
    heading=Heading.OUTPUT,
    required=True,
    metavar="NAME",
    help="What to call the weights: runs take them with --backbone BACKBONE@NAME.",
)
@option(
    "--weights",
    "start",
    heading=Heading.TRIED,
    metavar="FROM",
    help="What to begin with: the name of weights of BACKBONE, such as imagenet, or a file.  [default: random values]",
)
@option(
    "--augment",
    heading=Heading.TRIED,
    metavar="NAME",
    help="The augmentation to train with, or none.  [default: the strong one that runs use]",
)
@option(
    "--licence",
    heading=Heading.OUTPUT,
    metavar="TEXT",
    help="What to tell people about the use of the weights; that of the images may bind them.  [default: not stated]",
)
@option(
    "--time-limit",
    heading=Heading.TIME,
    callback=as_number(parse_duration),
    metavar="TIME",
    help="Time for everything: 90s, 5m, 1h30m, or none.  [default: 30m, or none where --epochs is given]",
)
@option(
    "--epochs",
    heading=Heading.TIME,
    type=WholeNumber(*RANGES["epochs"]),
    metavar="N",
    help="How often each image is trained on.  [default: 60, or what the time allows]",
)
@batch_size_option
@option(
    "--image-size",
    heading=Heading.IMAGES,
    type=WholeNumber(*RANGES["image_size"]),
    metavar="N",
    help="Side of the square that images are resized to, in pixels.  [default: from the network and the images]",
)
@option(
    "--seed",
    heading=Heading.TRIED,
    type=WholeNumber(*RANGES["seed"]),
    metavar="N",
    help="The same seed gives the same weights.  [default: 0]",
)
@option(
    "--output",
    heading=Heading.OUTPUT,
    type=UserPath(),
    metavar="DIR",
    help="Folder for the whole model and the provenance. A training that was interrupted there goes on if the rest is "
    "as it was.  [default: tlsearch-runs/<dataset>-<time>]",
)
@record_options
@force_option
@click.pass_context
def pretrain(ctx: click.Context, /, backbone: str, start: str | None, augment: str | None, **options: Any) -> None:
    """Trains BACKBONE on the images in DATASET and installs its weights for later runs.

    DATASET is what tlsearch run takes. Three learning rates are tried, and the accuracy is measured on test images that
    had no part in it. The weights take part in a run with --backbone BACKBONE@NAME.
    """
    begin(ctx, PretrainConfig(**given_options(options), **_network(backbone, start, augment)))


def begin(ctx: click.Context, config: PretrainConfig) -> None:
    """Train, or go on."""
    check_destination(ctx, config)
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.pipeline.pretrain import pretrain as train

    with interruptible(program=True), ConsoleReporter() as reporter:
        train(config, reporter)


def _network(backbone: str, start: str | None, augment: str | None) -> dict[str, Any]:
    """The network, what it begins with and its augmentation, as a configuration has them.

    Raises ``UsageError`` where weights are named twice.
    """
    chosen: dict[str, Any] = {"backbones": (backbone,)}
    if augment is not None:
        chosen["augment"] = (augment,)
    if start is None:
        return chosen
    if "@" in backbone:
        raise UsageError(f"Two weights to begin with are named, {backbone} and --weights {start}: leave one out.")
    if Path(start).expanduser().is_file():
        chosen["weights"] = (f"{backbone}={start}",)
    elif any(sign in start for sign in "/\\"):
        raise UsageError(f"--weights {start} is no file: give an existing file, or the name of weights.")
    else:
        chosen["backbones"] = (f"{backbone}@{start}",)
    return chosen
