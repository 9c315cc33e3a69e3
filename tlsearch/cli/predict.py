"""``tlsearch predict``: a model that a run left behind, put to use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.options import max_pixels_option
from tlsearch.cli.paths import PictureSource, UserPath
from tlsearch.cli.predictions.destination import chosen_format
from tlsearch.cli.predictions.formats import FORMATS
from tlsearch.cli.predictions.lists import STDIN, asked_images, require_lists
from tlsearch.cli.predictions.written import WriteOptions, write_predictions
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.values import Choice, Share, WholeNumber
from tlsearch.config_values import RANGES
from tlsearch.errors import UsageError
from tlsearch.utils.signals import interruptible

if TYPE_CHECKING:
    from tlsearch.predictor import Predictor
    from tlsearch.predictor.sources.picture import BatchListener


@click.command(cls=Command, short_help="Classify images with a model that a run made.")
@click.argument("model_dir", type=UserPath())
@click.argument("images", nargs=-1, metavar="IMAGE_OR_FOLDER...", type=PictureSource())
@option(
    "--files-from",
    "lists",
    heading=Heading.SOURCE,
    type=UserPath(allow_dash=True),
    multiple=True,
    metavar="LIST",
    help="A file that names images, folders and addresses, one a line or with a zero byte behind each; - is standard "
    "input. Repeatable.  [default: none]",
)
@option(
    "--top",
    heading=Heading.OUTPUT,
    type=WholeNumber(1),
    default=1,
    show_default=True,
    metavar="K",
    help="Classes to show for each.",
)
@option(
    "--format",
    "form",
    heading=Heading.OUTPUT,
    type=Choice(list(FORMATS)),
    help="How to write them.  [default: by the ending of --to, else table]",
)
@option(
    "--to",
    heading=Heading.OUTPUT,
    type=UserPath(),
    metavar="FILE",
    help="Write them into a file. Of files that are there, only one with predictions is replaced.  [default: print "
    "them]",
)
@option(
    "--calibrated/--no-calibrated",
    heading=Heading.OUTPUT,
    default=None,
    help="Whether probabilities have the temperature that the run fitted on validation images. The classes are the "
    "same.  [default: where it is shown to help]",
)
@option(
    "--explain",
    heading=Heading.OUTPUT,
    type=UserPath(file_okay=False),
    metavar="FOLDER",
    help="Write a heat map of each image here, for its class, as `tlsearch explain` does.  [default: none]",
)
@option(
    "--coverage",
    heading=Heading.OUTPUT,
    type=Share(),
    metavar="SHARE",
    help="The probability with which a prediction set holds the true class. A set of several classes means: not sure.  "
    "[default: 0.9, where the model can make sets]",
)
@option(
    "--batch-size",
    heading=Heading.TIME,
    type=WholeNumber(*RANGES["batch_size"]),
    default=32,
    show_default=True,
    metavar="N",
    help="Images that the network answers at a time.",
)
@option(
    "--workers",
    heading=Heading.WORKERS,
    type=WholeNumber(1, 256),
    metavar="N",
    help="Threads that read and decode images.  [default: the cores that may be used]",
)
@max_pixels_option("as in the run that made the model")
@click.pass_context
def predict(
    ctx: click.Context,
    model_dir: Path,
    images: tuple[Path | str, ...],
    lists: tuple[Path, ...],
    top: int,
    form: str | None,
    to: Path | None,
    calibrated: bool | None,
    explain: Path | None,
    coverage: float | None,
    batch_size: int,
    workers: int | None,
    max_pixels: int | None,
) -> None:
    """Classifies every IMAGE, and the images of every FOLDER, with the model in MODEL_DIR.

    MODEL_DIR is the folder `model` of a run. An IMAGE may also be an address, such as https://host/a.jpg or
    s3://bucket/folder, or an archive of images; - stands for a list of names on standard input. What cannot be read is
    named with the reason, and stops nothing. Where no image could be read, the exit code is 1. The table says of which
    images the model is not sure, and which are unlike its training images.
    """
    if not images and not lists:
        raise UsageError(
            "No image is named: give images, folders or addresses behind MODEL_DIR, or a list of them with "
            "--files-from."
        )
    name = chosen_format(form, to)
    require_lists(lists)
    if to is not None:
        from tlsearch.cli.predictions.replaceable import require_replaceable

        require_replaceable(to, form, model_dir, [*images, *lists])
    from tlsearch.predictor import load

    with interruptible(program=True):
        predictor = load(model_dir, max_pixels)
        predictor.listener = None if explain is None else _map_writer(predictor, explain)
        predictions = predictor.stream(
            asked_images(images, lists),
            batch_size=batch_size,
            top=top,
            calibrated=calibrated,
            workers=workers,
            coverage=coverage,
        )
        _say_odd_sets(predictor, coverage)
        known = None if lists or STDIN in images else images
        code = write_predictions(
            predictions, WriteOptions(name=name, to=to, calibrated=calibrated, images=known), predictor
        )
    ctx.exit(code)


def _map_writer(predictor: Predictor, folder: Path) -> BatchListener:
    """What writes heat maps. Raises ``UsageError`` where the network has none."""
    from tlsearch.explain.pictures import MapMaker

    return MapMaker(predictor, to=folder).watch


def _say_odd_sets(predictor: Predictor, coverage: float | None) -> None:
    """Say where every prediction set holds all classes, for want of images to make sets from, or one class only."""
    wanted, scores = predictor.applied_coverage(coverage), predictor.conformal
    if scores is not None and wanted is not None and (said := scores.shortage(wanted) or scores.single_answers(wanted)):
        click.echo(said, err=True)
