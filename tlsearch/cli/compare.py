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

if TYPE_CHECKING:
    from rich.table import Table

    from tlsearch.report.compare import Comparison
    from tlsearch.report.compare_table import RowGroup

TITLE_WIDTH = 20
"""The first column is as wide, if it can be, and breaks its titles into lines between words."""

_GAP = 2

# What is never broken into two lines: an interval, a p-value, a word.
_UNBROKEN = re.compile(r"\[[^\]]*\]|p [=<>] \S+|\S+")


@click.command(short_help="Finished runs side by side.")
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
    from rich.text import Text

    from tlsearch.report.compare_table import row_groups, shared

    console = Console(highlight=False)
    plain = not console.is_terminal
    for line in shared(found):
        console.print(Text(line), soft_wrap=plain)
    shown = row_groups(found)
    names = [run.name for run in found.runs]
    for page in _pages(shown, len(names), console.width):
        console.print()
        console.print(_table(shown, names, page))
    console.print()
    for note in found.notes:
        console.print(Text(note), soft_wrap=plain)


def _pages(shown: Sequence[RowGroup], count: int, width: int) -> list[list[int]]:
    """The runs, by number, that fit beside each other in ``width`` cells.

    The first run is on every page, so that all can be read against it.
    """
    fitting = max(2, (width - TITLE_WIDTH) // (_widest(shown) + _GAP))
    others = list(range(1, count))
    return [[0, *others[start : start + fitting - 1]] for start in range(0, len(others), fitting - 1)]


def _widest(shown: Sequence[RowGroup]) -> int:
    """The cells that a column of texts needs, if nothing that belongs together is to be broken."""
    from rich.cells import cell_len

    texts = [text for group in shown for row in group.rows for text in row.texts]
    return max(cell_len(part) for text in texts for part in _UNBROKEN.findall(text))


def _table(shown: Sequence[RowGroup], names: Sequence[str], page: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widest = _widest(shown)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column("", max_width=TITLE_WIDTH, overflow="fold")
    for place in page:
        table.add_column(Text(_broken(names[place], widest)), min_width=widest, overflow="fold")
    for group in shown:
        table.add_row(Text(group.title, style="bold"))
        for row in group.rows:
            table.add_row(Text(row.title), *(Text(row.texts[place]) for place in page))
        table.add_section()
    return table


def _broken(name: str, width: int) -> str:
    """The name of a folder in lines of at most ``width``, broken behind hyphens, underscores and slashes.

    A longer part is left to be folded.
    """
    lines = [""]
    for part in re.findall(r"[^-_/]*[-_/]?", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


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
