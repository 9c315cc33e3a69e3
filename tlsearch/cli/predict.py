"""``tlsearch predict``: a model that a run left behind, put to use."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tlsearch.cli.options import max_pixels_option
from tlsearch.cli.paths import UserPath
from tlsearch.cli.predictions.formats import FORMATS
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.values import Choice, WholeNumber


@click.command(cls=Command, short_help="Classify images with a model that a run made.")
@click.argument("model_dir", type=UserPath())
@click.argument("images", nargs=-1, required=True, metavar="IMAGE_OR_FOLDER...", type=UserPath())
@click.option(
    "--top",
    type=WholeNumber(1),
    default=1,
    show_default=True,
    metavar="K",
    help="Classes to show for each.",
)
@click.option(
    "--format",
    "form",
    type=Choice(["table", "csv", "json", "jsonl"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
@click.option(
    "--calibrated/--no-calibrated",
    default=None,
    help="Whether probabilities have the temperature that the run fitted on validation images. The classes are the "
    "same.  [default: where it is shown to help]",
)
@max_pixels_option("as in the run that made the model")
@click.pass_context
def predict(
    ctx: click.Context,
    model_dir: Path,
    images: tuple[Path, ...],
    top: int,
    form: str,
    calibrated: bool | None,
    max_pixels: int | None,
) -> None:
    """Classifies every IMAGE, and the images of every FOLDER, with the model in MODEL_DIR.

    MODEL_DIR is the folder `model` of a run. A file that cannot be read is named with the reason; where no file could
    be read, the exit code is 1.
    """
    from tlsearch.predictor import load

    predictor = load(model_dir, max_pixels)
    writer = FORMATS[form].open(sys.stdout, predictor, calibrated)
    read = 0
    for prediction in predictor.stream(images, top=top, calibrated=calibrated):
        read += prediction.error is None
        writer.write(prediction)
    writer.close()
    if not read:
        ctx.exit(1)
