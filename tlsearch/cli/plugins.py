"""``tlsearch plugins``: what is installed, what a plugin is, whether it keeps its contract, and how to begin one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Group
from tlsearch.cli.terminal.lines import longest_part, plain, terminal_width, unbroken, wrap
from tlsearch.cli.terminal.table import GAP, INDENT, Column, Row, Table
from tlsearch.cli.terminal.values import Choice
from tlsearch.plugins.kinds import NAMES

if TYPE_CHECKING:
    from tlsearch.plugins.registry import PluginEntry

SHORT = 44
"""A fact that takes no more cells is not broken into lines."""

_kind_option = click.option("--kind", type=Choice(NAMES), help="Which one, where kinds share a name.")


@click.group(cls=Group, short_help="Plugins of every kind that are installed.")
def plugins() -> None:
    """Shows and checks the installed plugins, and begins new ones."""


@plugins.command("list", short_help="List them, with version and state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.  [default: off]")
def list_plugins(as_json: bool) -> None:
    """Lists every plugin with where it comes from and how it did when it was last loaded; nothing is loaded."""
    from tlsearch.plugins.load_status import last_known
    from tlsearch.plugins.registry import find_plugins

    rows = [
        {**vars(entry), "status": state.status, "reason": state.reason}
        for entry, state in last_known(find_plugins()).items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    shown = []
    for row in rows:
        note = f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
        shown.append(Row((row["kind"], row["name"], unbroken(_origin(row)), note)))
    for line, _ in Table((Column(),) * 4, tuple(shown)).lines(terminal_width()):
        click.echo(line)


def _origin(row: dict[str, Any]) -> str:
    return f"{row['distribution']} {row['version']}".strip()


@plugins.command("show", short_help="All about one of them.")
@click.argument("name")
@_kind_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.  [default: off]")
def show(name: str, kind: str | None, as_json: bool) -> None:
    """Loads the plugin NAME, builds its network if it is a backbone, and prints what there is to know."""
    from tlsearch.plugins.info import describe

    entries = _named(name, kind)
    details = [describe(entry) for entry in entries]
    if as_json:
        click.echo(json.dumps(details[0] if len(details) == 1 else details, indent=2))
        return
    for detail in details:
        click.echo("\n".join(_lines(detail, terminal_width())))


def _lines(detail: dict[str, Any], width: int | None) -> list[str]:
    """What is known of a plugin, a fact a line, in lines that fit the width."""
    known = {name.replace("_", " "): value for name, value in detail.items() if value not in ("", None, [], {})}
    wide = max(map(len, known)) + GAP
    lines = []
    for title, value in known.items():
        for row in [_fact(row) for row in value] if isinstance(value, list) else [str(value)]:
            start = wide
            if width is not None and longest_part(row) > width - wide:  # it has a line of its own below its title
                lines += [title] if title else []
                title, start = "", len(INDENT)
            for line in wrap(row, None if width is None else width - start, INDENT):
                lines.append(f"{title:<{start}}{plain(line)}")
                title = ""
    return lines


def _fact(row: dict[str, Any]) -> str:
    """A row of a list: the first value, then the others with their names where those say more."""
    first, *others = row.items()
    said = []
    for name, value in others:
        if isinstance(value, list):
            said.append(" x ".join(map(str, value)))
        elif value is not False and value != "":
            said.append(name.replace("_", " ") + ("" if value is True else f" {value}"))
    return f"{first[1]:<20}" + "  ".join(unbroken(text) if len(text) <= SHORT else text for text in said)


@plugins.command("check", short_help="Run the conformance kit on one of them.")
@click.argument("name")
@_kind_option
def check(name: str, kind: str | None) -> None:
    """Checks that the plugin NAME keeps its contract, on every Keras backend that is installed: one line a check.

    Exits with 1 where a check fails.
    """
    from tlsearch.errors import PluginError
    from tlsearch.plugins.load_status import load_and_remember
    from tlsearch.plugins.registry import BrokenPlugin, origin
    from tlsearch.testing.kit import check_on_backend, installed_backends

    entries = _named(name, kind)
    failed = 0
    for entry in entries:
        outcome = load_and_remember(entry)
        if isinstance(outcome, BrokenPlugin):
            raise PluginError(f"The {entry.kind} {name!r} of {origin(entry)} cannot be used: {outcome.reason}")
        for backend in installed_backends():
            click.echo(f"{entry.kind} {entry.name} of {origin(entry)}, on {backend}")
            for result in check_on_backend(backend, entry.kind, entry.name):
                failed += not result.ok
                detail = f": {result.detail}" if result.detail else ""
                for line in wrap(f"  {result.status:<8}{result.name}{detail}", terminal_width(), " " * 10):
                    click.echo(line)
    if failed:
        click.echo(f"{failed} failed")
        raise SystemExit(1)


@plugins.command("new", short_help="Begin one: a package with tests.")
@click.argument("kind", type=Choice(NAMES))
@click.argument("name")
@click.option(
    "--dir",
    "folder",
    type=UserPath(file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Folder in which to make the package's folder.  [default: the working directory]",
)
def new(kind: str, name: str, folder: Path) -> None:
    """Writes a complete package with a plugin NAME that works: install it, run its tests, then make it yours."""
    from tlsearch.plugins.scaffold import write_package

    package = write_package(kind, name, folder)
    where = str(package) if package.is_absolute() else f"./{package}"
    commands = (f"pip install -e '{where}[dev]'", f"pytest '{where}'", f"tlsearch plugins check {name}")
    click.echo("\n  ".join((f"{where} is ready. Next:", *commands)))


def _named(name: str, kind: str | None) -> list[PluginEntry]:
    """The plugins of that name. Raises ``PluginError`` where there is none."""
    from tlsearch.errors import PluginError
    from tlsearch.plugins.registry import find_plugins, unknown_name

    entries = find_plugins(kind)
    named = [entry for entry in entries if entry.name == name]
    if not named:
        raise PluginError(unknown_name(kind or "plugin", name, sorted({entry.name for entry in entries})))
    return named
