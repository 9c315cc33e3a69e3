"""``tlsearch compare``: finished runs side by side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsearch.cli.options import STDOUT, json_option, write_json
from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.lines import longest_part, unbroken, wrap
from tlsearch.cli.terminal.table import GAP, Column, Row, Table

if TYPE_CHECKING:
    from tlsearch.report.compare import Comparison
    from tlsearch.report.compare_table import RowGroup

TITLE_WIDTH = 20
"""The titles of rows are wrapped to so many cells."""

# What is never broken into two lines besides words: an interval, a p-value.
_UNBROKEN = re.compile(r"\[[^\]]*\]|p [=<>] \S+")


@click.command(cls=Command, short_help="Finished runs side by side.")
@click.argument("output_dirs", nargs=-1, required=True, type=UserPath(), metavar="OUTPUT_DIR OUTPUT_DIR...")
@json_option
def compare(output_dirs: tuple[Path, ...], json_file: Path | None) -> None:
    """Prints what the runs whose output folders are named found, side by side.

    Winners, scores, gains, cost, and in which options and versions they differ. The runs must have been made on the
    same images, scored by the same metric and tested on the same images.
    """
    from tlsearch.report.compare import compare_runs, read_runs

    found = compare_runs(read_runs(output_dirs))
    if json_file is not None:
        write_json(json_file, _as_json(found))
    if json_file != STDOUT:
        _print(found)


def _print(found: Comparison) -> None:
    from rich.console import Console

    from tlsearch.cli.terminal.screen import print_table, print_text
    from tlsearch.report.compare_table import row_groups, shared

    console = Console(highlight=False)
    for line in shared(found):
        print_text(console, line)
    shown = row_groups(found)
    names = [run.name for run in found.runs]
    headings = _headings(names, _widest(shown), console.width)
    if headings != names:
        console.print()
        for heading, name in zip(headings, names, strict=True):
            print_text(console, f"{heading}  {unbroken(name)}")
    for page in _pages(len(names), max(_widest(shown), *map(longest_part, headings)), console.width):
        console.print()
        print_table(console, _table(shown, headings, page), console.width)
    console.print()
    for note in found.notes:
        print_text(console, note)


def _headings(names: Sequence[str], widest: int, width: int) -> list[str]:
    """The names of the runs, or "run 1" and so on where fewer runs would fit beside each other with the names."""
    broken = max(longest_part(unbroken(name)) for name in names)
    if broken <= widest or _fitting(max(broken, widest), width) >= min(len(names), _fitting(widest, width)):
        return list(names)
    return [f"run {number}" for number, _ in enumerate(names, 1)]


def _pages(count: int, widest: int, width: int) -> list[list[int]]:
    """The runs, by number, that fit beside each other in ``width`` cells.

    The first run is on every page, so that all can be read against it.
    """
    fitting = max(2, _fitting(widest, width))
    others = list(range(1, count))
    return [[0, *others[start : start + fitting - 1]] for start in range(0, len(others), fitting - 1)]


def _fitting(widest: int, width: int) -> int:
    """How many columns of runs fit beside the titles."""
    return (width - TITLE_WIDTH) // (widest + GAP)


def _widest(shown: Sequence[RowGroup]) -> int:
    """The cells that a column of texts needs, if nothing that belongs together is to be broken."""
    texts = [text for group in shown for row in group.rows for text in row.texts]
    return max(longest_part(_joined(text)) for text in texts)


def _joined(text: str) -> str:
    """The text with what is never broken into two lines as words: an interval, a p-value."""
    return _UNBROKEN.sub(lambda found: unbroken(found[0]), text)


def _table(shown: Sequence[RowGroup], headings: Sequence[str], page: Sequence[int]) -> Table:
    columns = [Column("\n".join(wrap(unbroken(headings[place]), _widest(shown)))) for place in page]
    rows: list[Row] = []
    for group in shown:
        rows += [Row(("",) * (1 + len(page)))] if rows else []
        rows.append(Row((group.title, *("" for _ in page)), "bold"))
        for row in group.rows:
            title = "\n".join(wrap(row.title, TITLE_WIDTH))
            rows.append(Row((title, *(_joined(row.texts[place]) for place in page))))
    return Table((Column(), *columns), tuple(rows))


def _as_json(found: Comparison) -> dict[str, Any]:
    from tlsearch.utils import serialize

    first = found.runs[0].result
    runs = []
    for run, over in zip(found.runs, found.over_first, strict=True):
        plain = run.result.to_dict()
        kept = ("winner", "metrics", "linear_probe", "baseline", "gain", "plan", "timings", "versions", "started")
        runs.append(
            {
                "folder": str(run.folder),
                "name": run.name,
                "model_to_use": run.result.model_to_use,
                "over_first": serialize.STRICT.encode(over),
                **{name: plain[name] for name in kept},
                "trials": dict(Counter(row.state for row in run.result.trials if row.role == "trial")),
                "options": dict(run.options),
            }
        )
    return {
        "dataset": {"path": first.dataset.path, "fingerprint": first.dataset.fingerprint},
        "metric": first.metrics.name,
        "same_test": found.same_test,
        "runs": runs,
        "notes": found.notes,
    }
