"""``tlsearch plugins``: what is installed, what a plugin is, whether it keeps its contract, and how to begin one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsearch.cli.paths import UserPath
from tlsearch.plugins.kinds import NAMES

if TYPE_CHECKING:
    from tlsearch.plugins.registry import PluginEntry

_kind_option = click.option("--kind", type=click.Choice(NAMES), help="Which one, where kinds share a name.")


@click.group(short_help="Plugins of every kind that are installed.")
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
    wide = max((len(row["name"]) for row in rows), default=0)
    far = max((len(_origin(row)) for row in rows), default=0)
    for row in rows:
        note = f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
        click.echo(f"{row['kind']:<14}{row['name']:<{wide + 3}}{_origin(row):<{far + 3}}{note}")


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
        click.echo("\n".join(_lines(detail)))


def _lines(detail: dict[str, Any]) -> list[str]:
    """What is known of a plugin, a fact a line."""
    lines = []
    for title, value in detail.items():
        if value in ("", None, [], {}):
            continue
        rows = [_fact(row) for row in value] if isinstance(value, list) else [str(value)]
        lines += [f"{title.replace('_', ' ') if number == 0 else '':<16}{row}" for number, row in enumerate(rows)]
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
    return f"{first[1]:<20}" + "  ".join(said)


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
            raise PluginError(f"the {entry.kind} {name!r} of {origin(entry)} cannot be used: {outcome.reason}")
        for backend in installed_backends():
            click.echo(f"{entry.kind} {entry.name} of {origin(entry)}, on {backend}")
            for result in check_on_backend(backend, entry.kind, entry.name):
                failed += not result.ok
                detail = f": {result.detail}" if result.detail else ""
                click.echo(f"  {result.status:<8}{result.name}{detail}")
    if failed:
        click.echo(f"{failed} failed")
        raise SystemExit(1)


@plugins.command("new", short_help="Begin one: a package with tests.")
@click.argument("kind", type=click.Choice(NAMES))
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
