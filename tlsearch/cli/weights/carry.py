"""Trained weights as files: carried from one machine to another, and removed."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command


@click.command("export", cls=Command, short_help="Write trained ones into a file, for others.")
@click.argument("label", metavar="BACKBONE@NAME")
@click.option(
    "--output",
    type=UserPath(dir_okay=False),
    metavar="FILE",
    help="File to write.  [default: BACKBONE@NAME.tlweights in the working directory]",
)
def export_weights(label: str, output: Path | None) -> None:
    """Writes the weights BACKBONE@NAME, which tlsearch pretrain has made, into one file with their provenance.

    The file holds arrays and a description, and the SHA-256 of the arrays. Nothing in it can be executed.
    """
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.plugins.trained.bundle import default_file, export

    target = default_file(label) if output is None else output
    record = export(label, target)
    with ConsoleReporter() as reporter:
        reporter.say("export", f"{label} is in {target} (weights with SHA-256 {record.sha256})")
        reporter.say("use", f"tlsearch weights import {target.name}")


@click.command("import", cls=Command, short_help="Take those of such a file.")
@click.argument("file", type=UserPath(dir_okay=False), metavar="FILE")
@click.option("--name", metavar="NAME", help="What to call the weights here.  [default: as the file says]")
def import_weights(file: Path, name: str | None) -> None:
    """Takes the weights in FILE, which tlsearch weights export has written, for runs on this machine.

    The checksum is compared, and the weights must fit the backbone that is installed here.
    """
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.plugins.trained.bundle import import_file

    record, place = import_file(file, name)
    with ConsoleReporter() as reporter:
        reporter.say("import", f"{record.label} is at {place}")
        reporter.say("", f"trained on {record.trained_on}")
        reporter.say("", f"accuracy {record.accuracy:.3f} on {record.held_out:,} test images; licence {record.licence}")
        reporter.say("use", f"tlsearch run YOUR-IMAGES --backbone {record.label}")


@click.command("remove", cls=Command, short_help="Delete trained ones.")
@click.argument("label", metavar="BACKBONE@NAME")
def remove_weights(label: str) -> None:
    """Deletes the weights BACKBONE@NAME, which tlsearch pretrain has made here or on another machine."""
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.plugins.trained.store import remove

    folder = remove(label)
    with ConsoleReporter() as reporter:
        reporter.say("remove", f"{label} is gone from {folder.parent}")
