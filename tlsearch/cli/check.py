"""``tlsearch check``: what a person should know about a data set before a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsearch.cli.options import (
    STDOUT,
    build_config,
    group_by_option,
    json_option,
    source_options,
    write_json,
)
from tlsearch.cli.paths import Source
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.values import WholeNumber
from tlsearch.config_values import RANGES
from tlsearch.errors import DataError

if TYPE_CHECKING:
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.cli.terminal.table import Table
    from tlsearch.data.findings import Finding
    from tlsearch.data.index import DatasetIndex
    from tlsearch.data.split import Split

SHOWN_FILES = 10


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """What was found.

    ``aside`` has the rows that are set aside, each with the row because of which it is; without a ``split`` those that
    one would set aside.
    """

    index: DatasetIndex
    groups: Sequence[int]
    aside: Mapping[int, int]
    split: Split | None
    findings: Sequence[Finding]


@click.command(cls=Command, short_help="Look through a data set: counts, broken files, duplicates.")
@click.argument("dataset", type=Source())
@source_options
@group_by_option
@option(
    "--seed",
    heading=Heading.IMAGES,
    type=WholeNumber(*RANGES["seed"]),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the split, where there are no split folders.",
)
@click.option("--all-files", is_flag=True, help=f"Name all files, not the first {SHOWN_FILES}.  [default: off]")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    dataset: Path | str,
    group_by: str | None,
    seed: int,
    all_files: bool,
    json_file: Path | None,
    **source: Any,
) -> None:
    """Reads every image of DATASET and changes nothing.

    Prints how DATASET is read, the counts for each class, which files are not used, which images are set aside and what
    looks wrong. The exit code is 2 where a run would refuse the data set.
    """
    from tlsearch.cli.console import ConsoleReporter, Screen
    from tlsearch.data.aspect import FAR_FROM_SQUARE, median_aspect
    from tlsearch.data.checks import check as find
    from tlsearch.data.checks import no_split
    from tlsearch.data.groups import group_images
    from tlsearch.data.options import image_options, reading_options
    from tlsearch.data.split import crossing
    from tlsearch.data.split import split as draw
    from tlsearch.data.survey import scan
    from tlsearch.data.totals import totals
    from tlsearch.report.resizing import shape

    only_json = json_file == STDOUT
    with ConsoleReporter(Screen(stderr=only_json, highlight=False)) as reporter:
        config = build_config(None, {"dataset": dataset, "group_by": group_by, "seed": seed, **source})
        index = scan(
            config.source,
            lambda done, total: reporter.progress("data", done, total, "reading images"),
            replace(reading_options(config), progress=partial(reporter.progress, "data")),
            image_options(config),
        )
        groups = group_images(index, group_by)
        split: Split | None = None
        try:
            split = draw(index, seed, group_by)
            findings = find(index, split)
        except DataError as error:
            findings = [no_split(index, groups, str(error)), *find(index, groups=groups)]
        reporter.close()
        found = _Checked(index=index, groups=groups, aside=crossing(index, groups), split=split, findings=findings)
        if json_file is not None:
            write_json(json_file, _as_json(found, config.test))
        if not only_json:
            for line in index.reading.understood if index.reading is not None else ():
                reporter.say("read", line)
            reporter.say("data", totals(index, groups))
            aspect = median_aspect(index.images[row] for row in (split.train if split else range(len(index.images))))
            if config.resize == "auto" and aspect >= FAR_FROM_SQUARE:
                reporter.say("data", f"{shape(aspect)}: a run compares to squash, to pad and to crop them")
            _print(reporter, found, None if all_files else SHOWN_FILES)
    if split is None:
        ctx.exit(2)


def _print(reporter: ConsoleReporter, found: _Checked, shown: int | None) -> None:
    """The counts, and every finding with its first ``shown`` files."""
    from tlsearch.cli.terminal.screen import print_table, room

    paths = {image.path for image in found.index.images}
    if found.split is not None and not found.split.val:
        reporter.say("", "so few that what a run tries is compared on folds of the training images")
    print_table(reporter.console, _table(found.index, _counts(found)), room(reporter.console))
    for finding in found.findings:
        if finding.severity == "warning":
            reporter.warn(finding.message)
        else:
            reporter.say("check", finding.message)
        for file in finding.files[:shown]:
            reporter.say("", f"  {_with_whole_names(file, paths)}")
        if shown is not None and len(finding.files) > shown:
            reporter.say("", f"  and {len(finding.files) - shown:,} more")
    if not found.findings:
        reporter.say("check", "nothing to remark")


def _with_whole_names(entry: str, paths: Set[str]) -> str:
    """A line of a finding, "NAME", "NAME: why" or "NAME: equals NAME", whose names are not broken."""
    from tlsearch.cli.terminal.lines import unbroken

    name, colon, why = entry.partition(": ")
    words = why.split(" ")
    start = next((n for n in range(len(words)) if " ".join(words[n:]) in paths), len(words))
    last = [unbroken(" ".join(words[start:]))] if words[start:] else []
    return unbroken(name) + colon + " ".join([*words[:start], *last])


def _counts(found: _Checked) -> dict[str, dict[str, int]]:
    """Images of each class in each part; without a split in each of the user's folders, or in all.

    What is set aside is in none.
    """
    index, split = found.index, found.split
    if split is not None:
        parts = {"train": split.train, "val": split.val, "test": split.test}
    else:
        rows: dict[str, list[int]] = {}
        for row, image in enumerate(index.images):
            part = rows.setdefault(image.split or "images", [])
            if row not in found.aside:
                part.append(row)
        parts = {name: tuple(rows[name]) for name in ("train", "val", "test", "images") if name in rows}
    labels = index.labels
    held = {name: Counter(labels[row] for row in part) for name, part in parts.items()}
    return {name: {c: counter[label] for label, c in enumerate(index.classes)} for name, counter in held.items()}


def _table(index: DatasetIndex, counts: Mapping[str, Mapping[str, int]]) -> Table:
    from tlsearch.cli.terminal.lines import unbroken
    from tlsearch.cli.terminal.table import Column, Row, Table

    columns = (Column("class"), *(Column(part, right=True) for part in counts))
    rows = [Row((unbroken(label), *(f"{held[label]:,}" for held in counts.values()))) for label in index.classes]
    total = Row(("all", *(f"{sum(held.values()):,}" for held in counts.values())), "bold")
    return Table(columns, (*rows, Row(("",) * len(columns)), total))


def _as_json(found: _Checked, test: Path | None) -> dict[str, Any]:
    from tlsearch.data.aspect import median_aspect
    from tlsearch.data.near_duplicates.unions import members

    index = found.index
    paths = [image.path for image in index.images]
    return {
        "dataset": str(index.root),
        "test": None if test is None else str(test),
        "understood": list(index.reading.understood) if index.reading is not None else [],
        "passed_over": dict(index.reading.passed_over) if index.reading is not None else {},
        "fingerprint": index.fingerprint,
        "images": len(index.images),
        "aspect": round(median_aspect(index.images), 3),
        "classes": list(index.classes),
        "split": found.split.source if found.split is not None else None,
        "counts": _counts(found),
        "skipped": [{"file": item.path, "reason": item.reason} for item in index.skipped],
        "set_aside": [{"file": paths[row], "because_of": paths[other]} for row, other in sorted(found.aside.items())],
        "findings": [
            {"kind": f.kind, "severity": f.severity, "message": f.message, "files": list(f.files)}
            for f in found.findings
        ],
        "groups": [[paths[row] for row in rows] for rows in members(found.groups).values()],
    }
