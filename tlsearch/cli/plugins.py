"""``tlsearch plugins``: what is installed, what a plugin is, whether it keeps its contract, and how to begin one."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Group
from tlsearch.cli.terminal.lines import longest_part, plain, terminal_width, unbroken, wrap
from tlsearch.cli.terminal.table import GAP, INDENT, Column, Row, Table
from tlsearch.cli.terminal.values import Choice
from tlsearch.plugins.kinds import NAMES, kind_named

if TYPE_CHECKING:
    from tlsearch.plugins.registry import PluginEntry
    from tlsearch.testing.outcome import CheckResult

SHORT = 44
"""A fact that takes no more cells is not broken into lines."""

LONG = 10
"""Seconds from which the longest check is named."""

_kind_option = click.option("--kind", type=Choice(NAMES), help="Which one, where kinds share a name.")


@click.group(cls=Group, short_help="Plugins of every kind that are installed.")
def plugins() -> None:
    """Shows and checks the installed plugins, and begins new ones."""


@plugins.command("list", short_help="List them, with version and state.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.  [default: off]")
def list_plugins(as_json: bool) -> None:
    """Lists every plugin with its package and how it did when last loaded or checked; nothing is loaded."""
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
    parts = []
    for name, value in others:
        if isinstance(value, list):
            parts.append(" x ".join(map(str, value)))
        elif value is not False and value != "":
            parts.append(name.replace("_", " ") + ("" if value is True else f" {value}"))
    return f"{first[1]:<20}" + "  ".join(unbroken(text) if len(text) <= SHORT else text for text in parts)


def _duration(_: click.Context, __: click.Parameter, text: str) -> float:
    from tlsearch.utils.units import parse_duration

    return parse_duration(text, "--time-limit")


@plugins.command("check", short_help="Run the conformance kit on one of them.")
@click.argument("name")
@_kind_option
@click.option(
    "--time-limit",
    "limit",
    callback=_duration,
    default="5m",
    metavar="TIME",
    help="Time for each check, after which it is stopped and has failed: 90s, 5m, 1h30m, or none.  [default: 5m]",
)
def check(name: str, kind: str | None, limit: float) -> None:
    """Checks that the plugin NAME keeps its contract, on every Keras backend that is installed: one line a check.

    Where the plugin raises, the traceback follows. Exits with 1 where a check fails.
    """
    if [failed for entry in _named(name, kind) for failed in _check(entry, limit)]:
        raise SystemExit(1)


def _check(entry: PluginEntry, limit: float) -> list[str]:
    """Check a plugin, say and remember what was found, and give the names of the checks that failed."""
    from tlsearch.errors import PluginError
    from tlsearch.plugins.load_status import remember, remember_checks
    from tlsearch.plugins.registry import BrokenPlugin, find_plugins, name_fault, origin
    from tlsearch.testing.kit import installed_backends
    from tlsearch.testing.process import LOADS, check_on_backend

    unusable = f"The {entry.kind} {entry.name!r} of {origin(entry)} cannot be used"
    if (fault := name_fault(entry, find_plugins(entry.kind))) is not None:
        raise PluginError(f"{unusable}: {fault}")
    results = []
    everywhere = kind_named(entry.kind).uses_backend
    for backend in installed_backends() if everywhere else installed_backends()[:1]:
        click.echo(f"{entry.kind} {entry.name} of {origin(entry)}{f', on {backend}' if everywhere else ''}")
        for result in check_on_backend(backend, entry.kind, entry.name, limit=limit):
            if result.name == LOADS:
                remember([BrokenPlugin(entry, result.detail)])
                _echo_traceback(result.traceback)
                raise PluginError(f"{unusable}: {result.detail}")
            _echo_result(result)
            results.append(result)
    failed = list(dict.fromkeys(result.name for result in results if result.status == "failed"))
    remember_checks(entry, failed)
    click.echo(_sum(results))
    return failed


def _echo_result(result: CheckResult) -> None:
    """How a check ended, how long it took where that is a second or more, and what was raised."""
    time = f" ({result.seconds:.0f} s)" if result.seconds >= 1 else ""
    detail = f": {result.detail}" if result.detail else ""
    for line in wrap(f"  {result.status:<8}{result.name}{time}{detail}", terminal_width(), " " * 10):
        click.echo(line)
    _echo_traceback(result.traceback)


def _echo_traceback(trace: str) -> None:
    if trace:
        click.echo(textwrap.indent(trace.rstrip("\n"), " " * 10))


def _sum(results: list[CheckResult]) -> str:
    """How many checks ended in which way, the time that they took, and the longest where an author may wonder."""
    counts = ", ".join(f"{n} {status}" for status, n in Counter(result.status for result in results).items())
    longest = max(results, key=lambda result: result.seconds)
    most = f", most of all {longest.name!r} with {longest.seconds:.0f} s" if longest.seconds >= LONG else ""
    return f"{counts}, in {sum(result.seconds for result in results):.0f} s{most}"


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
