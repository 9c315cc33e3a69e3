"""Texts and tables on a console of rich."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tlsearch.cli.terminal.lines import is_unicode, plain, wrap
from tlsearch.cli.terminal.table import Table


def room(console: Console) -> int | None:
    """The width of a terminal; None where a program may read what is printed, whose lines are not broken."""
    return console.width if console.is_terminal else None


def print_text(console: Console, text: str, style: str = "", hanging: str = "") -> None:
    """Print a text in lines that fit the terminal; ``hanging`` stands before the rest of one that was broken."""
    for line in wrap(text, room(console), hanging):
        console.print(Text(plain(line), style), soft_wrap=True)


def print_table(console: Console, table: Table, width: int | None) -> None:
    """Print a table at most ``width`` cells wide, as far as its names allow."""
    rule = "─" if is_unicode(console) else "-"
    for line, style in table.lines(width, rule):
        console.print(Text(line, style), soft_wrap=True)
