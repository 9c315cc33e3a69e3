"""``tlsearch check``: what a person should know about a data set before a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from tlsearch.data.index import DatasetIndex
    from tlsearch.data.split import Split

SHOWN_FILES = 10


@click.command(short_help="Look through a data set: counts, broken files, duplicates.")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the split, where there are no split folders.",
)
@click.option("--all-files", is_flag=True, help=f"Name all files, not the first {SHOWN_FILES}.  [default: off]")
def check(dataset: Path, seed: int, all_files: bool) -> None:
    """Reads every image of DATASET and prints the counts for each class, what was set aside and what looks
    wrong. Nothing is changed."""
    from tlsearch.console import ConsoleReporter
    from tlsearch.data.checks import check as find
    from tlsearch.data.index import scan
    from tlsearch.data.split import split as draw

    with ConsoleReporter() as reporter:
        index = scan(dataset, lambda done, total: reporter.progress("data", done, total, "reading images"))
        split = draw(index, seed)
        reporter.say("data", f"{len(index.classes)} classes, {len(index.images):,} images, "
                             f"{len(index.skipped):,} set aside")  # fmt: skip
        findings = find(index, split)
        reporter.close()
        reporter.console.print(_counts(index, split))
        for finding in findings:
            if finding.severity == "warning":
                reporter.warn(finding.message)
            else:
                reporter.say("check", finding.message)
            shown = finding.files if all_files else finding.files[:SHOWN_FILES]
            for file in shown:
                reporter.say("", f"  {file}")
            if len(finding.files) > len(shown):
                reporter.say("", f"  and {len(finding.files) - len(shown):,} more")
        if not findings:
            reporter.say("check", "nothing to remark")


def _counts(index: DatasetIndex, split: Split) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=True)
    parts = {"train": split.train, "val": split.val, "test": split.test}
    table.add_column("class", footer="all", overflow="fold")
    for name, rows in parts.items():
        table.add_column(name, justify="right", footer=f"{len(rows):,}")
    labels = index.labels
    for label, name in enumerate(index.classes):
        counts = (sum(labels[row] == label for row in rows) for rows in parts.values())
        table.add_row(Text(name), *(f"{count:,}" for count in counts))
    return table
