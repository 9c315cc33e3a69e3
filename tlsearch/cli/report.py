"""``tlsearch report``: the page of a finished run, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command

if TYPE_CHECKING:
    from tlsearch.results.result import RunResult


@click.command(cls=Command, short_help="Write the report of a finished run anew.")
@click.argument("output_dir", type=UserPath())
def report(output_dir: Path) -> None:
    """Prints the result of the run whose output folder is OUTPUT_DIR and writes its report.html anew.

    A report.html that is there stays as it is where photographs in it are no longer where they were.
    """
    from rich.console import Console

    from tlsearch.cli.summary import print_summary
    from tlsearch.results.result import read_result

    result = read_result(output_dir)
    print_summary(Console(highlight=False), result)
    if said := _write(result, output_dir):
        click.echo(f"note: {said}", err=True)


def _write(result: RunResult, output: Path) -> str:
    """Write the page, unless it would lose photographs; gives a sentence where some are gone, else nothing."""
    from tlsearch.report.html import REPORT_FILE, write_report
    from tlsearch.report.sections.photographs import missing_photographs
    from tlsearch.utils.units import counted

    root, page = Path(result.dataset.path), output / REPORT_FILE
    gone = missing_photographs(result, root, output)
    why = f"{counted(gone, 'photograph')} of it {'is' if gone == 1 else 'are'} no longer in {root}"
    if gone and page.is_file():
        return f"{page} stays as it is, for {why}: bring them back, or remove the page to have it made without them"
    write_report(result, output, root)
    return f"{page} has blanks, for {why}" if gone else ""
