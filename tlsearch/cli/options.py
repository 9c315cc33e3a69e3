"""Options that several commands take, so that they read and mean the same everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.lines import is_unicode
from tlsearch.cli.terminal.values import Choice, WholeNumber, as_number
from tlsearch.cli.terminal.workers import with_given
from tlsearch.config import RunConfig
from tlsearch.config_file import read_config
from tlsearch.config_values import RANGES, TWO_WAY, LayoutChoice, LookAlikes, Resize
from tlsearch.errors import UsageError
from tlsearch.utils.units import parse_count

Command = TypeVar("Command", bound=Callable[..., Any])
"""What click decorates: a function or a command."""

STDOUT = Path("-")

_PART_HELP = {
    "train": "Folder of class folders to train on.  [default: as the folders of the data set say]",
    "val": "Folder of class folders to choose by.  [default: the data set's own, else drawn from it]",
    "test": "Folder of class folders with test images that are surely new.  [default: the data set's own, else drawn "
    "from it]",
}

_COLUMN_HELP = {
    "image": "Column of the names of image files.  [default: the one that names most images]",
    "label": "Column of the labels.  [default: from its name, else the only one that can be]",
    "split": "Column that says train, val or test, or the number of a fold; none: no split.  [default: from its name]",
    "group": "Column of what images must stay together, such as a patient.  [default: from its name]",
    "weight": "Column of how much an image counts in training.  [default: from its name]",
}


def max_pixels_option(default: str) -> Callable[[Command], Command]:
    """The option that allows larger images; ``default`` says in words what holds without it."""
    return option(
        "--max-pixels",
        heading=Heading.IMAGES,
        callback=as_number(parse_count),
        metavar="N",
        help="The most pixels that an image may have, such as 400M, however much memory it needs; for images that you "
        f"trust.  [default: {default}]",
    )


_options = (
    *(
        option(f"--{part}", heading=Heading.SOURCE, type=UserPath(), metavar="DIR", help=text)
        for part, text in _PART_HELP.items()
    ),
    option(
        "--layout",
        heading=Heading.SOURCE,
        type=Choice(get_args(LayoutChoice)),
        help="What the folders in DATASET are: classes, with `subfolders` those one level further down; splits, with "
        "`class-splits` each class holds its own; or folds.  [default: auto, from names and contents]",
    ),
    option(
        "--look-alikes",
        heading=Heading.IMAGES,
        type=Choice(get_args(LookAlikes)),
        help="What stays on one side of every split: pictures that look alike, exact copies only, or nothing.  "
        "[default: auto, look-alikes but for classes in which most look alike]",
    ),
    option(
        "--resize",
        heading=Heading.IMAGES,
        type=Choice(get_args(Resize)),
        help="How images become squares: the aspect ratio is given up, borders are added, or the longer side is cut.  "
        "[default: auto, squash, or what is measured to be best where images are far from square]",
    ),
    max_pixels_option("images that need more than 2 GB of memory are refused"),
    option(
        "--drop-small-classes",
        heading=Heading.IMAGES,
        is_flag=True,
        default=False,
        help="Leave out classes that are too small to be divided.  [default: off]",
    ),
    option(
        "--exclude",
        heading=Heading.SOURCE,
        multiple=True,
        metavar="PATTERN",
        help="Files and folders that take no part, by name or by path below DATASET. Repeatable.  [default: none]",
    ),
    option(
        "--images",
        heading=Heading.SOURCE,
        type=UserPath(),
        metavar="DIR",
        help="Folder of the images where DATASET is a table.  [default: where the table lies]",
    ),
    *(
        option(f"--{role}-column", heading=Heading.SOURCE, metavar="NAME", help=text)
        for role, text in _COLUMN_HELP.items()
    ),
)


def source_options(command: Command) -> Command:
    """The options that say how a source of images is read."""
    for decorate in reversed(_options):
        command = decorate(command)
    return command


group_by_option = option(
    "--group-by",
    heading=Heading.IMAGES,
    metavar="REGEX",
    help="Keep images on one side of every split whose paths give the same name: the first group of this regular "
    "expression, else the whole match.  [default: only copies and look-alikes]",
)


_record_options = (
    option(
        "--experiment",
        heading=Heading.RECORD,
        metavar="NAME",
        help="Name of the MLflow experiment.  [default: the name of the data set's folder]",
    ),
    option(
        "--tracking-uri",
        heading=Heading.RECORD,
        metavar="URI",
        help="Where MLflow keeps the record.  [default: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db]",
    ),
)


def record_options(command: Command) -> Command:
    """The options that say where MLflow keeps the record."""
    for decorate in reversed(_record_options):
        command = decorate(command)
    return command


batch_size_option = option(
    "--batch-size",
    heading=Heading.TIME,
    type=WholeNumber(*RANGES["batch_size"]),
    metavar="N",
    help="Images in a training step.  [default: 32]",
)

force_option = option(
    "--force",
    heading=Heading.OUTPUT,
    is_flag=True,
    default=False,
    help="Set aside what was left in the output folder, and start anew there.  [default: off]",
)


def check_destination(ctx: click.Context, config: RunConfig) -> None:
    """Raise ``UsageError`` where the output folder cannot be used; a later crash leaves its details there."""
    from tlsearch.runs.output import check_output

    check_output(config)
    if config.output is not None:
        ctx.find_root().obj = config.output


def build_config(file: Path | None, options: dict[str, Any]) -> RunConfig:
    """The configuration of a run from the options that were given, then ``file``, then the defaults.

    Raises ``UsageError`` where no data set is named or a value is out of its range.
    """
    values = with_given(read_config(file, RunConfig) if file else {}, given_options(options))
    if "dataset" not in values:
        raise UsageError(
            "No data set is named: give the folder of images, or a table of labels, as in `tlsearch run FOLDER`."
        )
    return RunConfig(**values)


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; one that was not is None, an empty tuple or False."""
    return {k: v for k, v in options.items() if v not in (None, ()) and (v is not False or k in TWO_WAY)}


json_option = click.option(
    "--json",
    "json_file",
    type=UserPath(allow_dash=True),
    metavar="FILE",
    help="Write everything as JSON, too; - prints it, and nothing else.  [default: off]",
)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``file``, or to standard output where it is ``-``.

    Raises ``UsageError`` where it cannot be written.
    """
    if file == STDOUT:
        # Escaped, so that a terminal of any encoding shows it.
        click.echo(json.dumps(content, indent=1, ensure_ascii=not is_unicode(sys.stdout)))
        return
    text = json.dumps(content, indent=1, ensure_ascii=False)
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {file} cannot be written ({error.strerror}): name another file.") from error
