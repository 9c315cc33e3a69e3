"""What a run looks like in a terminal: a line for each result, and one that moves while work goes on."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tlsearch.callbacks import WorkerInfo
from tlsearch.cli.terminal.lines import plain, wrap
from tlsearch.cli.terminal.notebook import NotebookLine
from tlsearch.utils.units import short_duration

COLUMN = 10
"""The width of the first column, which names the step."""

LEAST_TEXT = 20
"""Text is not broken into shorter lines, however narrow a terminal is."""

_STEP = Style(bold=True)
_NOTE = Style(color="yellow")
_NUMBER = Style(color="cyan")
_QUIET = Style(dim=True)

# A number stands alone: the digits of vgg16, block4_pool or a date belong to a name.
_NUMBERS = r"(?<![\w.:-])(?<!\D/)[+-]?(\d+(,\d{3})*(\.\d+)?|\.\d+)%?(?![\w-]|\.\w)"

# An estimate from the first moments of a step would be far off; their pace is that of what happens once, as compiling.
_FIRST_ESTIMATE_SECONDS = 3.0
_FIRST_ESTIMATE_SHARE = 0.05

MOST_WORKERS_SHOWN = 8
"""Workers that have a line of their own below the moving one."""

SILENCE_SECONDS = 60.0
"""After so long without a line, a log that is no terminal gets one that says how far the work is."""


class Screen(Console):
    """A console that falls silent when the reader of its pipe is gone, where rich would end the process.

    A search goes on though nobody listens any more.
    """

    def on_broken_pipe(self) -> None:
        """Called by rich; what is printed from now on goes nowhere."""
        self.quiet = True
        if self.file is sys.stdout:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class ConsoleReporter:
    """Draws what a run reports (``tlsearch.reporter.Reporter``) with rich.

    In a terminal, text wraps below itself beside the column of steps, without a broken name (``terminal.lines``), and
    ``progress`` draws one line with a bar that vanishes when the next step begins; in a notebook it is text. Elsewhere
    every message is one plain line, and ``progress`` adds one where there was none for a minute. A context manager;
    leaving it ends the moving line.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Screen(highlight=False)
        self._live: Live | None = None
        self._moving: _Moving | None = None
        self._notebook = NotebookLine() if self.console.is_jupyter else None
        self._last_step = ""
        self._spoke = time.monotonic()

    def __enter__(self) -> ConsoleReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def say(self, step: str, text: str) -> None:
        """A result of a step; the step's name stands before its first line only."""
        if self._moving is not None and self._moving.step != step:
            self.close()
        self._line(step if step != self._last_step else "", text, _STEP)
        self._last_step = step

    def warn(self, text: str) -> None:
        """A line that begins with "note"."""
        self._line("note", text, _NOTE)
        self._last_step = ""

    def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
        """Redraws the moving line; where the output is no terminal, a line of its own now and then."""
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            self._log(step, done, total, text, most)
            return
        with contextlib.suppress(OSError, ValueError):
            if self._moving is None or self._moving.step != step:
                self.close()
                self._moving = _Moving(step)
                self._live = Live(self._moving, console=self.console, transient=True, refresh_per_second=4)
                self._live.start()
            self._moving.update(done, total, text, most)

    def workers(self, workers: Sequence[WorkerInfo]) -> None:
        """Draws a line for each worker below the moving one; nothing where the output is no terminal."""
        if self._live is not None and self._moving is not None:
            self._moving.workers = workers

    def _log(self, step: str, done: float, total: float, text: str, most: float | None) -> None:
        if self._moving is None or self._moving.step != step:
            self._moving = _Moving(step)
        self._moving.update(done, total, text, most)
        if self._notebook is not None:
            self._notebook.show(f"{step:<{COLUMN}}{self._moving.plain()}")
        elif time.monotonic() - self._spoke >= SILENCE_SECONDS:
            self.say(step, self._moving.plain())

    def close(self) -> None:
        """Removes the moving line."""
        live, self._live, self._moving = self._live, None, None
        if self._notebook is not None:
            self._notebook.close()
        if live is not None:
            with contextlib.suppress(OSError, ValueError):
                live.stop()

    def _line(self, head: str, text: str, style: Style) -> None:
        self._spoke = time.monotonic()
        # A reporter must not raise: the reader of a pipe may be gone.
        with contextlib.suppress(OSError, ValueError):
            width = max(LEAST_TEXT, self.console.width - COLUMN) if self.console.is_terminal else None
            for number, line in enumerate(wrap(text, width)):
                body = Text(plain(line))
                body.highlight_regex(_NUMBERS, _NUMBER)
                shown = Text.assemble((f"{head if number == 0 else '':<{COLUMN}}", style), body)
                shown.rstrip()
                self.console.print(shown, soft_wrap=True)


@dataclass(frozen=True)
class _Pace:
    """When something began to be counted, at which count, and where it is."""

    began: float
    first: float
    last: float


class _Moving:
    """One line: step, bar, how far, time left, and what is being done, which is cut where it does not fit."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.workers: Sequence[WorkerInfo] = ()
        self._done, self._total, self._text = 0.0, 1.0, ""
        self._most: float | None = None
        self._paces: dict[float, _Pace] = {}

    def update(self, done: float, total: float, text: str, most: float | None = None) -> None:
        """Notes how far the step is; it is drawn with the next refresh."""
        self._done, self._total, self._text = min(done, total), max(total, 1e-9), " ".join(text.split())
        self._most = most
        # Trials, and within one the images of a view, are counted in turns, each with a pace of its own. What falls
        # back to its first half counts another view; a trial that is repeated falls back by less.
        pace = self._paces.get(self._total)
        if pace is None or self._done < (pace.first + pace.last) / 2:
            pace = _Pace(time.monotonic(), self._done, self._done)
        self._paces[self._total] = replace(pace, last=self._done)

    def plain(self) -> str:
        """The line as text."""
        return "  ".join(part for part in (self._count(), self._text, self._left()) if part)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bar_width = 20 if options.max_width >= 100 else 12
        tail = f"  {self._left()}" if self._left() else ""
        count = f"  {self._count()}"
        room = options.max_width - COLUMN - bar_width - cell_len(count) - cell_len(tail) - 3
        middle = _fit(self._text, room)
        line = Table.grid(padding=0)
        for width in (COLUMN, bar_width, cell_len(count), cell_len(middle) + 2, cell_len(tail)):
            line.add_column(width=width, no_wrap=True)
        body = Text(f"  {middle}")
        body.highlight_regex(_NUMBERS, _NUMBER)
        bar = ProgressBar(total=self._total, completed=self._done, width=bar_width, finished_style="cyan",
                          complete_style="cyan")  # fmt: skip
        line.add_row(Text(self.step, style=_STEP), bar, Text(count), body, Text(tail, style=_QUIET))
        yield Group(line, *self._worker_lines(options.max_width))

    def _worker_lines(self, width: int) -> list[Text]:
        """What each worker does, and for how long."""
        lines = []
        for worker in self.workers[:MOST_WORKERS_SHOWN]:
            what = f"{worker.kind.replace('_', ' ')}  {worker.subject}".strip() or "idle"
            seconds = f"  {short_duration(round(worker.seconds))}" if worker.kind else ""
            text = "  ".join(part for part in (f"worker {worker.number}", worker.node, what) if part) + seconds
            lines.append(Text(f"{'':<{COLUMN}}{_fit(text, width - COLUMN)}", style=_QUIET))
        more = len(self.workers) - len(lines)
        return [*lines, Text(f"{'':<{COLUMN}}and {more} more workers", style=_QUIET)] if more > 0 else lines

    def _count(self) -> str:
        if self._total == int(self._total) and self._total > 1:
            return f"{int(self._done):,}/{int(self._total):,}"
        return f"{self._done / self._total:.0%}"

    def _left(self) -> str:
        """The time left at the pace so far, no more than there is; empty where there is no pace yet."""
        pace = self._paces.get(self._total)
        if pace is None:
            return ""
        elapsed, gained = time.monotonic() - pace.began, self._done - pace.first
        early = gained < _FIRST_ESTIMATE_SHARE * (self._total - pace.first) or elapsed < _FIRST_ESTIMATE_SECONDS
        if gained <= 0 or early or self._done >= self._total:
            return ""
        seconds = elapsed * (self._total - self._done) / gained
        left = seconds if self._most is None else min(seconds, max(self._most, 0.0))
        return f"{short_duration(round(left))} left"


def _fit(text: str, room: int) -> str:
    """``text`` in at most ``room`` cells, cut with an ellipsis."""
    if room < 1:
        return ""
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"
