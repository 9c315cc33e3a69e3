"""Options that several commands take, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path

import click

test_option = click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of class folders with test images that are surely new.  "
    "[default: the data set's own, else drawn from it]",
)

group_by_option = click.option(
    "--group-by",
    metavar="REGEX",
    help="Keep images on one side of every split whose paths give the same name: the first group of this regular "
    "expression, else the whole match.  [default: only copies and look-alikes]",
)
