"""``tlsearch explain``: which places of a picture speak for a class."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tlsearch.cli.explain.boxes import BOX_FORMATS, BoxWriter, print_box_scores
from tlsearch.cli.options import max_pixels_option
from tlsearch.cli.paths import Source, UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.lines import is_unicode
from tlsearch.cli.terminal.values import Choice
from tlsearch.errors import UsageError

if TYPE_CHECKING:
    from tlsearch.explain.box_files import BoxFormat
    from tlsearch.explain.pictures import Explanation


@click.command(cls=Command, short_help="Show which places of an image speak for a class.")
@click.argument("model_dir", type=UserPath())
@click.argument("images", nargs=-1, required=True, metavar="IMAGE_OR_FOLDER...", type=Source())
@click.option(
    "--class", "about", metavar="NAME", help="The class that is explained.  [default: the most probable one of each]"
)
@click.option(
    "--to",
    type=UserPath(file_okay=False),
    metavar="FOLDER",
    help="Where heat maps are written, a picture and an array for each image.  [default: the folder explained of the "
    "run]",
)
@click.option(
    "--format",
    "form",
    type=Choice(["table", "jsonl"]),
    default="table",
    show_default=True,
    help="How to print what was found: a table, or a line of JSON for each image.",
)
@click.option(
    "--boxes",
    type=Choice(BOX_FORMATS),
    multiple=True,
    help="Write a box around what each map is about as well, for instance as COCO or Pascal VOC. Boxes that are there "
    "are never replaced. Repeatable.",
)
@click.option(
    "--score-boxes",
    is_flag=True,
    help="Compare boxes from heat maps with those of a labelled data set, which is named in place of images.",
)
@max_pixels_option("as in the run that made the model")
@click.pass_context
def explain(
    ctx: click.Context,
    model_dir: Path,
    images: tuple[Path | str, ...],
    about: str | None,
    to: Path | None,
    form: str,
    boxes: tuple[BoxFormat, ...],
    score_boxes: bool,
    max_pixels: int | None,
) -> None:
    """Shows for every IMAGE, and the images of every FOLDER, which places speak for its class.

    MODEL_DIR is the folder `model` of a run. An IMAGE may also be an address or an archive. For each image the heat
    map is laid over what the network sees of it (NAME.png), and written as an array (NAME.npy): what each place adds
    to the logit of the class. A file that is not by tlsearch, or of another image, is never replaced: the new one gets
    a number. Where no image could be read, the exit code is 1.
    """
    if score_boxes:
        _require_dataset_alone(
            images, about=about, to=to, boxes=boxes or None, format=None if form == "table" else form
        )
        print_box_scores(model_dir, images[0], max_pixels)
        return
    from tlsearch.explain.box_files import require_no_boxes
    from tlsearch.explain.pictures import EXPLAINED_FOLDER, explain_files
    from tlsearch.predictor import load

    folder = to or model_dir.absolute().parent / EXPLAINED_FOLDER
    require_no_boxes(folder, boxes)
    predictor = load(model_dir, max_pixels)
    found = explain_files(predictor, images, about, folder)
    taken = None if not boxes else BoxWriter(predictor, boxes, folder)
    read = print_explanations(found if taken is None else taken.take(found), form, folder, sys.stdout)
    if taken is not None and read:
        paths = taken.write()
        click.echo(f"{taken.summary} in {' and '.join(map(str, paths))}", err=form == "jsonl")
    if not read:
        ctx.exit(1)


def _require_dataset_alone(images: tuple[Path | str, ...], **others: object) -> None:
    if len(images) > 1:
        raise UsageError(
            f"--score-boxes takes one data set, and {len(images)} are named: name the folder or the table."
        )
    if given := next((name for name, value in others.items() if value is not None), None):
        option = "class" if given == "about" else given
        raise UsageError(f"--score-boxes compares boxes and prints a table: leave --{option} out.")


def print_explanations(found: Iterable[Explanation], form: str, folder: Path, stream: TextIO) -> int:
    """Print explanations as "table" or "jsonl" and give how many images could be read."""
    if form == "table":
        return _print_table(list(found), folder, stream)
    read = 0
    for explanation in found:
        stream.write(json.dumps(plain(explanation), ensure_ascii=not is_unicode(stream)) + "\n")
        read += explanation.error is None
    return read


def plain(explanation: Explanation) -> dict[str, Any]:
    """Give the JSON object of an explanation; the map itself is in the file ``array``."""
    centre = explanation.centre
    return {
        "path": explanation.name,
        "label": explanation.label,
        "probability": explanation.probability,
        "explained": explanation.explained,
        "explained_probability": explanation.explained_probability,
        "centre": None if centre is None else {"x": centre[0], "y": centre[1]},
        "border": explanation.border,
        "method": explanation.method,
        "exact": explanation.exact,
        "overlay": None if explanation.overlay is None else str(explanation.overlay),
        "array": None if explanation.array is None else str(explanation.array),
        "error": explanation.error,
    }


def _print_table(found: list[Explanation], folder: Path, stream: TextIO) -> int:
    from rich.console import Console

    from tlsearch.cli.terminal.lines import unbroken
    from tlsearch.cli.terminal.screen import print_table, room
    from tlsearch.cli.terminal.table import Column, Row, Table, reason_cell

    rows = []
    for item in found:
        image = unbroken(item.name)
        if item.error is not None:
            rows.append(Row((image, reason_cell(f"not read: {item.error}"), "", "", "", ""), "yellow"))
            continue
        middle = "nowhere" if item.centre is None else f"{item.centre[0]:.2f} {item.centre[1]:.2f}"
        border = "" if item.border is None else f"{item.border:.2f}"
        file = "" if item.overlay is None else unbroken(item.overlay.name)
        named = unbroken(item.explained or "")
        rows.append(Row((image, named, f"{item.explained_probability:.3f}", middle, border, file)))
    console = Console(file=stream, highlight=False)
    columns = (
        Column("image"), Column("class"), Column("probability", right=True), Column("heat at x y"),
        Column("in border", right=True), Column("heat map"),
    )  # fmt: skip
    print_table(console, Table(columns, tuple(rows)), room(console))
    read = [item for item in found if item.error is None]
    if read:
        console.print(_how(read[0]), soft_wrap=True)
        console.print(f"heat maps in {folder}", markup=False, soft_wrap=True)
    return len(read)


def _how(item: Explanation) -> str:
    if item.exact:
        return "The maps are exact: their sum and the bias of the class are the logit of the class."
    return "The maps are gradients times features (HiResCAM): a hint, which does not add up to the logit exactly."
