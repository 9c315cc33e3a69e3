"""``tlsearch monitor``: are new pictures still as the training images were?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.values import Choice

if TYPE_CHECKING:
    from tlsearch.monitoring.record import MonitorReport

SHOWN_CLASSES = 10
"""Classes whose shares the table shows, the largest change first."""


@click.command(cls=Command, short_help="Say whether a model's figures still apply to new images.")
@click.argument("model_dir", type=UserPath())
@click.argument("images", nargs=-1, required=True, metavar="IMAGE_OR_FOLDER...", type=UserPath())
@click.option(
    "--format",
    "form",
    type=Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print what was found.",
)
@click.pass_context
def monitor(ctx: click.Context, model_dir: Path, images: tuple[Path, ...], form: str) -> None:
    """Compares new images with those that the model in MODEL_DIR was trained on.

    MODEL_DIR is the folder `model` of a run. Three things are compared: how many images are unlike the training images,
    the features of all, and the classes that the model predicts. The exit code is 0 where the model's figures still
    apply or the images are too few to tell, 1 where they do not, and 2 where the request cannot be met.
    """
    from tlsearch.cli.console import ConsoleReporter, Screen
    from tlsearch.monitoring.monitor import monitor as compare

    with ConsoleReporter(Screen(stderr=form == "json", highlight=False)) as reporter:
        found = compare(model_dir, images, reporter)
    if form == "json":
        _print_json(found)
    else:
        _print(found)
    if not found.applies:
        ctx.exit(1)


def _print_json(found: MonitorReport) -> None:
    from tlsearch.utils import serialize

    text = json.dumps(serialize.STRICT.encode(found), indent=2, allow_nan=False)
    sys.stdout.write(f"{text}\n")


def _print(found: MonitorReport) -> None:
    from rich.console import Console

    from tlsearch.cli.terminal.lines import unbroken
    from tlsearch.cli.terminal.screen import print_table, print_text, room
    from tlsearch.cli.terminal.table import Column, Row, Table
    from tlsearch.monitoring.words import comparison_rows
    from tlsearch.report.numbers import percent

    console = Console(highlight=False)
    columns = (Column("compared"), Column("found", right=True), Column("p-value", right=True))
    rows = [Row(cells, "yellow" if alarm else "") for cells, alarm in comparison_rows(found)]
    print_table(console, Table(columns, tuple(rows)), room(console))
    console.print()
    columns = (Column("predicted class"), Column("before", right=True), Column("now", right=True))
    shown = [
        Row((unbroken(share.label), percent(share.before), percent(share.now)))
        for share in found.shares[:SHOWN_CLASSES]
    ]
    print_table(console, Table(columns, tuple(shown)), room(console))
    console.print()
    if found.unlike.examples:
        print_text(console, f"most unlike: {', '.join(unbroken(name) for name in found.unlike.examples)}")
    print_text(console, found.sentence)
