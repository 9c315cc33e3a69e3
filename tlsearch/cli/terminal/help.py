"""Help in groups: options with a heading of their own, so that a command with many of them can be read.

Click's own means are enough for it. cloup, which brings option groups, takes 0.2 s to import, and rich-click 0.1 s,
where ``tlsearch --help`` answers in 0.3 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import Any

import click

_HARD_HYPHEN = "\ufdd1"  # a code point that Unicode keeps out of every text


class Heading(StrEnum):
    """The groups of options, in the order in which help shows them."""

    SOURCE = "What is read"
    IMAGES = "How images are used"
    TRIED = "What is tried"
    USE = "What the model may cost"
    TIME = "How long it takes"
    WORKERS = "Where it runs"
    OUTPUT = "Where it goes"
    RECORD = "What is recorded"
    OTHER = "Other options"


ALL_OPTIONS = "Options"
"""The heading of options that are in no groups."""


class Option(click.Option):
    """An option below a heading."""

    def __init__(self, *names: Any, heading: Heading = Heading.OTHER, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.heading = heading


option = partial(click.option, cls=Option)
"""``click.option`` with a ``heading``."""


class Formatter(click.HelpFormatter):
    """Writes help as click does, but breaks no word at its hyphens: they belong to names of options and folders."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write two columns."""
        super().write_dl([(left, _whole(right)) for left, right in rows], col_max, col_spacing)

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(_whole(text))

    def getvalue(self) -> str:
        """What was written."""
        return super().getvalue().replace(_HARD_HYPHEN, "-")


def grouped_options(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """What help says of every option, names and text, by heading, in the order of the headings."""
    found: dict[str, list[tuple[str, str]]] = {heading.value: [] for heading in Heading}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None:
            found[getattr(param, "heading", Heading.OTHER).value].append(record)
    groups = {heading: records for heading, records in found.items() if records}
    if len(groups) > 1:
        return groups
    return {ALL_OPTIONS: [record for records in groups.values() for record in records]}


def _whole(text: str) -> str:
    return re.sub(r"(?<=\S)-(?=\S)", _HARD_HYPHEN, text)
