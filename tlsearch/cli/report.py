"""``tlsearch report``: the page of a finished run, written anew."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command


@click.command(cls=Command, short_help="Write the report of a finished run anew.")
@click.argument("output_dir", type=UserPath())
def report(output_dir: Path) -> None:
    """Prints the result of the run whose output folder is OUTPUT_DIR and writes its report.html anew."""
    from rich.console import Console

    from tlsearch.cli.summary import print_summary
    from tlsearch.report.html import write_report
    from tlsearch.results.result import read_result

    result = read_result(output_dir)
    write_report(result, output_dir, Path(result.dataset.path))
    print_summary(Console(highlight=False), result)
