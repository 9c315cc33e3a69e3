"""``tlsearch predict``: a model that a run left behind, put to use."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tlsearch.cli.options import max_pixels_option
from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.values import Choice, WholeNumber

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor


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
    type=Choice(["table", "csv", "json"]),
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
    predictions = predictor.predict(images, top=top, calibrated=calibrated)
    if form == "table":
        _print_table(predictions, _probability_heading(predictor, calibrated), sys.stdout)
    else:
        {"csv": _print_csv, "json": _print_json}[form](predictions, sys.stdout)
    if all(prediction.error for prediction in predictions):
        ctx.exit(1)


def _print_json(predictions: list[Prediction], stream: TextIO) -> None:
    json.dump(
        [_plain(prediction) for prediction in predictions], stream, indent=2, ensure_ascii=not _is_unicode(stream)
    )
    stream.write("\n")


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().startswith("utf")


def _plain(prediction: Prediction) -> dict[str, Any]:
    return {
        "path": str(prediction.path),
        "label": prediction.label,
        "probability": prediction.probability,
        "top": [{"label": label, "probability": p} for label, p in prediction.top],
        "calibrated": prediction.calibrated,
        "error": prediction.error,
    }


def _print_csv(predictions: list[Prediction], stream: TextIO) -> None:
    """A row for each class that is shown, ``rank`` 1 being the best; a file with an error has one row."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["path", "rank", "label", "probability", "error", "calibrated"])
    for prediction in predictions:
        if prediction.error:
            writer.writerow([prediction.path, "", "", "", prediction.error, ""])
        calibrated = str(prediction.calibrated).lower()
        for rank, (label, probability) in enumerate(prediction.top, start=1):
            writer.writerow([prediction.path, rank, label, f"{probability:.6f}", "", calibrated])


def _probability_heading(predictor: Predictor, calibrated: bool | None) -> str:
    """What the probabilities are, where the model has a temperature."""
    if predictor.temperature is None:
        return "probability"
    applied = predictor.applied_temperature(calibrated) is not None
    return "probability (calibrated)" if applied else "probability (not calibrated)"


def _print_table(predictions: list[Prediction], heading: str, stream: TextIO) -> None:
    from rich.console import Console

    from tlsearch.cli.terminal.lines import unbroken
    from tlsearch.cli.terminal.screen import print_table, room
    from tlsearch.cli.terminal.table import Column, Row, Table

    rows = []
    for prediction in predictions:
        image = unbroken(str(prediction.path))
        if prediction.error:
            rows.append(Row((image, f"not read: {prediction.error}", ""), "yellow"))
        for label, probability in prediction.top:
            rows.append(Row((image, unbroken(label), f"{probability:.3f}")))
            image = ""
    console = Console(file=stream, highlight=False)
    columns = (Column("image"), Column("class"), Column(heading, right=True))
    print_table(console, Table(columns, tuple(rows)), room(console))
