"""Tables that fit the terminal without a broken name.

Where a table is too wide, its cells are wrapped as text is. Where even so a name does not fit, a name in the first
column stands on a line of its own if the other columns fit as they are; else every row becomes a block, with one line
for each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tlsearch.cli.terminal.lines import longest_part, plain, width_of, wrap

GAP = 2
"""Spaces between two columns."""

LEAST_FIRST = 12
"""The first column of a table whose longer names stand on lines of their own is at least as wide."""

LEAST_TEXT = 16
"""A column of texts is not made narrower, or they would be long and hard to read."""

INDENT = "  "
"""Stands before what belongs to the line above."""

REASON = 60
"""Cells that a reason in a column of short names is wide at most, so that it does not push the other columns away."""

StyledLine = tuple[str, str]
"""A line and its style, as rich names styles; "" is none."""


def reason_cell(text: str) -> str:
    """The cell of a reason, with its line breaks: no line is wider than ``REASON``, as far as its names allow."""
    return "\n".join(wrap(text, REASON))


@dataclass(frozen=True)
class Column:
    """A column: its heading, in which line breaks stay, and whether it is aligned to the right."""

    heading: str = ""
    right: bool = False


@dataclass(frozen=True)
class Row:
    """A text for each column, in which line breaks stay, and the style of the row."""

    cells: tuple[str, ...]
    style: str = ""


@dataclass(frozen=True)
class Table:
    """What is shown in columns; without any heading the table has no head."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def lines(self, width: int | None, rule: str = "─") -> list[StyledLine]:
        """The table in lines of at most ``width`` cells, None for any; ``rule`` draws the line below its head."""
        widths = self._widths(width)
        if widths is None:
            assert width is not None, "without a width everything fits"
            return [line for row in self.rows for line in self._block(row, width)]
        head: list[StyledLine] = []
        if any(column.heading for column in self.columns):
            headings = [wrap(column.heading, w) for column, w in zip(self.columns, widths, strict=True)]
            tallest = max(map(len, headings))
            raised = [[""] * (tallest - len(lines)) + lines for lines in headings]
            across = sum(widths) + GAP * (len(widths) - 1)
            head = [(line, "bold") for line in self._side_by_side(raised, widths)] + [(rule * across, "")]
        return head + [line for row in self.rows for line in self._row(row, widths, width)]

    def _widths(self, width: int | None) -> list[int] | None:
        """The widths of the columns; None where a name fits into none."""
        texts = [[c.heading, *(row.cells[n] for row in self.rows)] for n, c in enumerate(self.columns)]
        wanted = [max(map(_wanted, column)) for column in texts]
        if width is None:
            return wanted
        room = width - GAP * (len(self.columns) - 1)
        if sum(wanted) <= room:
            return wanted
        needed = [max(longest_part(heading), *map(_needed, cells), 0) for heading, *cells in texts]
        if sum(needed) <= room:
            return _shared_out(needed, wanted, room)
        first = room - sum(wanted[1:])
        return [first, *wanted[1:]] if first >= LEAST_FIRST else None

    def _row(self, row: Row, widths: Sequence[int], width: int | None) -> list[StyledLine]:
        """A row in lines; what does not fit into the first column has lines of its own."""
        first = row.cells[0].split("\n")
        fitting = next((n for n, line in enumerate(first) if longest_part(line) > widths[0]), len(first))
        alone = [plain(line) for text in first[fitting:] for line in wrap(text, width)]
        cells = ["\n".join(first[:fitting]), *row.cells[1:]]
        beside = self._side_by_side([wrap(text, w) for text, w in zip(cells, widths, strict=True)], widths)
        lines = [*alone, *beside] if not fitting else [*beside, *alone]
        return [(line, row.style) for line in lines]

    def _side_by_side(self, cells: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
        lines = []
        for texts in zip_longest(*cells, fillvalue=""):
            padded = []
            for text, column, width in zip(texts, self.columns, widths, strict=True):
                blank = " " * (width - width_of(text))
                padded.append(blank + text if column.right else text + blank)
            lines.append(plain((" " * GAP).join(padded)).rstrip())
        return lines

    def _block(self, row: Row, width: int) -> list[StyledLine]:
        """The first cell of a row, and below it the others, each behind its heading."""
        lines = [(plain(line), row.style or "bold") for line in wrap(row.cells[0], width)]
        headings = [" ".join(column.heading.split()) for column in self.columns]
        longest = max(map(width_of, headings[1:]), default=0)
        for heading, text in zip(headings[1:], row.cells[1:], strict=True):
            if not text:
                continue
            start = f"{INDENT}{heading}{' ' * (longest - width_of(heading) + GAP if longest else 0)}"
            room = width - width_of(start)
            if longest_part(text) > room:
                lines.append((start.rstrip(), row.style))
                start, room = 2 * INDENT, width - 2 * len(INDENT)
            for line in wrap(text, room):
                lines.append((plain(start + line), row.style))
                start = " " * width_of(start)
        return [*lines, ("", "")]


def _wanted(text: str) -> int:
    """The cells in which no line of the text is broken."""
    return max(map(width_of, text.split("\n")))


def _needed(text: str) -> int:
    """The fewest cells in which no name of the text is broken and its lines are not too short to be read."""
    return max(longest_part(text), min(_wanted(text), LEAST_TEXT))


def _shared_out(needed: Sequence[int], wanted: Sequence[int], room: int) -> list[int]:
    """Widths between what columns need and what they want: each gets the same share of what is left, as far as it can.

    The narrowest wishes are met first.
    """
    widths, left = list(needed), room - sum(needed)
    wishes = sorted(range(len(needed)), key=lambda n: wanted[n] - needed[n])
    for position, n in enumerate(wishes):
        more = min(wanted[n] - needed[n], left // (len(wishes) - position))
        widths[n] += more
        left -= more
    return widths
