"""``tlsearch weights``: which pre-trained weights there are, fetching, converting and carrying them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Group
from tlsearch.cli.weights.carry import export_weights, import_weights, remove_weights

if TYPE_CHECKING:
    from tlsearch.plugins.api import WeightSource
    from tlsearch.reporter import Reporter


@click.group(cls=Group, short_help="Pre-trained weights: list, fetch, convert, carry.")
def weights() -> None:
    """Shows, fetches and converts the pre-trained weights of the installed backbones.

    Those that tlsearch pretrain has made can be carried to other machines as files.
    """


@weights.command("list", short_help="List them: what they are and where.")
def list_weights() -> None:
    """Lists the weights of every backbone.

    What they were trained on, their licence, and where the file is; with those that tlsearch pretrain has made. A
    backbone that brings none is listed with how it gets some.
    """
    from rich.console import Console

    from tlsearch.backend import silent_stderr
    from tlsearch.cli.terminal.screen import print_table, room
    from tlsearch.cli.terminal.table import Column, Row, Table
    from tlsearch.plugins.registry import load_all
    from tlsearch.plugins.trained import store

    rows = []
    with silent_stderr():  # plugins may import Keras, and its backend says much
        loaded, broken = load_all("backbone")
        added, broken_weights = load_all("weights")
    for found in loaded:
        for name, source in found.plugin.weights.items():
            where = _where(found.entry.name, name, source)
            rows.append(Row((f"{found.entry.name}@{name}", source.trained_on, source.licence, where)))
        if not found.plugin.weights:
            hint = getattr(found.plugin, "weights_hint", "")
            rows.append(Row((found.entry.name, "", "", f"brings none{f'; {hint}' if hint else ''}")))
    for found in added:
        where = f"comes with {found.entry.distribution} {found.entry.version}"
        rows.append(Row((found.entry.name, found.plugin.trained_on, found.plugin.licence, where)))
    faulty = store.damaged()
    for record in store.trained_weights():
        if record.label not in faulty:
            rows.append(Row((record.label, record.trained_on, record.licence, str(store.file_of(record.label)))))
    for label in faulty:
        rows.append(Row((label, "", "", f"damaged; `tlsearch weights remove {label}`")))
    for fault in [*broken, *broken_weights]:
        rows.append(Row((fault.entry.name, "", "", f"broken plugin: {fault.reason}")))
    console = Console(highlight=False)
    columns = tuple(map(Column, ("weights", "trained on", "licence", "where")))
    print_table(console, Table(columns, tuple(rows)), room(console))


@weights.command("fetch", short_help="Download them, for this machine or another.")
@click.argument("backbones", nargs=-1, required=True, metavar="BACKBONE[@WEIGHTS]...")
@click.option(
    "--to",
    "folder",
    type=UserPath(file_okay=False),
    metavar="DIR",
    help="Folder to put the files into.  [default: the cache of Keras, where a run finds them]",
)
def fetch(backbones: tuple[str, ...], folder: Path | None) -> None:
    """Downloads the weights of each BACKBONE, which may be a pattern such as 'efficientnet*', or all.

    For a machine without a network: fetch with --to DIR on another one, copy DIR, and set TLSEARCH_WEIGHTS_DIR to it.
    """
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.plugins.weights import download

    sources = [(name, *_source(name)) for text in backbones for name in _named(text)]
    with ConsoleReporter() as reporter:
        for text, name, source in sources:
            label = f"{text.partition('@')[0]}@{name}"
            if source.url is None:
                reporter.say("fetch", f"{label} comes with its plugin; nothing to fetch")
                continue
            file = download(source, folder, partial(_show, reporter, label))
            reporter.say("fetch", f"{label} is at {file}")


@weights.command("convert", short_help="Make a published file of PyTorch one that a run takes.")
@click.argument("network", metavar="BACKBONE")
@click.argument("file", type=UserPath(dir_okay=False), metavar="FILE")
@click.option(
    "--output",
    type=UserPath(dir_okay=False),
    metavar="FILE",
    help="File to write, which ends in .weights.h5.  [default: beside FILE, with that ending]",
)
def convert(network: str, file: Path, output: Path | None) -> None:
    """Converts FILE, the weights of a BACKBONE as PyTorch saves them (.pth), for --weights in a run.

    PyTorch is not needed. FILE is read as data: nothing in it is executed. The new file says where it comes from.
    """
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.plugins.convert import convert as write
    from tlsearch.plugins.convert import default_output

    target = default_output(file) if output is None else output
    provenance = write(network, file, target)
    with ConsoleReporter() as reporter:
        reporter.say("convert", f"{file} (SHA-256 {provenance.source_sha256}) is now {target}")
        reporter.say("use", f"--weights {network}={target}")


for _command in (export_weights, import_weights, remove_weights):
    weights.add_command(_command)


def _show(reporter: Reporter, label: str, done: int, total: int) -> None:
    reporter.progress("fetch", done / 1e6, max(total, done) / 1e6, f"{label}, {done / 1e6:.0f} MB so far")


def _named(text: str) -> list[str]:
    """The backbones, with their weights, for which ``BACKBONE[@WEIGHTS]`` stands: one unless it is a pattern."""
    from fnmatch import fnmatchcase

    from tlsearch.config_values import ALL, is_pattern
    from tlsearch.errors import PluginError
    from tlsearch.plugins.registry import LoadedPlugin, find_plugins, outcome_of

    pattern, at, weights = text.partition("@")
    if not is_pattern(pattern):
        return [text]
    names = dict.fromkeys(entry.name for entry in find_plugins("backbone"))
    outcomes = [outcome_of("backbone", name) for name in names if pattern == ALL or fnmatchcase(name, pattern)]
    # One that is broken is no reason not to fetch those of the others.
    offers = {found.entry.name: list(found.plugin.weights) for found in outcomes if isinstance(found, LoadedPlugin)}
    found = [f"{name}{at}{weights}" for name, known in offers.items() if known and weights in ("", *known)]
    if not found:
        raise PluginError(f"No backbone called like {text!r} has weights to fetch: `tlsearch weights list` shows them.")
    return found


def _source(text: str) -> tuple[str, WeightSource]:
    """The weights that ``BACKBONE[@WEIGHTS]`` names: their name and source."""
    from tlsearch.backend import silent_stderr
    from tlsearch.errors import WeightsError
    from tlsearch.plugins.registry import find_plugins, load_plugin
    from tlsearch.plugins.trained.store import is_taken
    from tlsearch.plugins.weights import brings_none, no_weights

    backbone, _, name = text.partition("@")
    with silent_stderr():  # plugins may import Keras, and its backend says much
        plugin = load_plugin("backbone", backbone)
    known = dict(plugin.weights)
    if name and name not in known and is_taken(text):
        raise WeightsError(f"{text} was trained and is on this machine: there is nothing to fetch.")
    if not known:
        raise WeightsError(brings_none(backbone, getattr(plugin, "weights_hint", "")))
    name = name or next(iter(known))
    if name not in known and any(entry.name == text for entry in find_plugins("weights")):
        raise WeightsError(f"{text} comes with a package of its own: there is nothing to fetch.")
    if name not in known:
        raise no_weights(backbone, name, list(known))
    return name, known[name]


def _where(backbone: str, name: str, source: WeightSource) -> str:
    from tlsearch.errors import WeightsError
    from tlsearch.plugins.weights import resolve

    try:
        found = resolve(backbone, name, source)
    except WeightsError as error:
        return str(error)
    if found.file is not None:
        return str(found.file)
    size = f" ({source.megabytes:.0f} MB)" if source.megabytes else ""
    return f"not here; `tlsearch weights fetch {backbone}@{name}`{size}"
