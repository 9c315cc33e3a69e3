"""Writes the figures of benchmarks/results/ into README.md, docs/ and benchmarks/README.md.

    python -m benchmarks.render_figures [--check]

A page has marks, ``<!-- figures: NAME -->`` and ``<!-- end figures -->``, each on a line of its own. What stands
between them is replaced by the group of figures NAME, from benchmarks/results/NAME.json. With ``--check`` nothing is
written; the exit code is 1 where a page differs, or where a mark has no result.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.machine import ROOT
from benchmarks.common.results import RESULTS, read_result
from benchmarks.figures.catalogue import catalogue
from benchmarks.figures.groups import EXCERPTS, GROUPS

CATALOGUE = "benchmarks"
"""The group that lists all benchmarks; it has no file of its own."""

START = re.compile(r"^<!-- figures: (?P<name>\S+) -->$")
END = "<!-- end figures -->"


class FiguresError(Exception):
    """A mark that cannot be rendered; the message says where it is and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where a page differs")
    options = parser.parse_args(arguments)
    troubles = []
    for page in find_pages(ROOT):
        name = page.relative_to(ROOT).as_posix()
        text = page.read_text(encoding="utf-8")
        try:
            rendered = render_page(text, RESULTS)
        except FiguresError as error:
            troubles.append(f"{name}: {error}")
            continue
        if rendered != text and options.check:
            troubles.append(f"{name} differs from benchmarks/results: run python -m benchmarks.render_figures")
        elif rendered != text:
            page.write_text(rendered, encoding="utf-8")
            print(f"wrote {name}")
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def find_pages(root: Path) -> list[Path]:
    """The pages that may have marks."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md")), root / "benchmarks" / "README.md"]


def render_page(text: str, results: Path) -> str:
    """The page with the figures of ``results`` between its marks; marks in blocks of code are text.

    Raises:
        FiguresError: A mark has no end, or names a group that has no result.
    """
    lines: list[str] = []
    inside: str | None = None
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if inside is None:
            code ^= line.startswith("```")
        if code:
            lines.append(line)
            continue
        start = START.match(line)
        if start and inside:
            raise FiguresError(f"line {number}: the mark of {inside} has no {END} before this one")
        if start:
            inside = start["name"]
            lines += [line, "", render_group(inside, results), ""]
        elif line == END and inside is None:
            raise FiguresError(f"line {number}: {END} without a mark before it")
        if line == END:
            inside = None
        if inside is None:
            lines.append(line)
    if inside:
        raise FiguresError(f"the mark of {inside} has no {END}")
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def render_group(name: str, results: Path) -> str:
    """The Markdown of a group of figures.

    Raises:
        FiguresError: There is no such group, or no result of it.
    """
    if name == CATALOGUE:
        return catalogue(results)
    if name not in GROUPS and name not in EXCERPTS:
        known = ", ".join([*GROUPS, *EXCERPTS, CATALOGUE])
        raise FiguresError(f"no group of figures is called {name}; there are {known}")
    group, render = EXCERPTS[name] if name in EXCERPTS else (name, GROUPS[name].render)
    file = results / f"{group}.json"
    if not file.exists():
        raise FiguresError(f"{name} has no result {file.name} in benchmarks/results: run its benchmark with --save")
    return render(read_result(file))


if __name__ == "__main__":
    sys.exit(main())
