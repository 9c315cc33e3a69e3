"""How far predictions are: a line on standard error that moves."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

_EACH = 0.25


class ProgressLine:
    """A line with the images done, how many there are in a second, and the time left where it is known how many come.

    A context manager; leaving it ends the line. What is to be printed in the same terminal goes through ``beside``.

    Args:
        shown: Whether there is a line at all.
        images: What is asked about, to be counted; None where that cannot be known before.
    """

    def __init__(self, *, shown: bool, images: Iterable[Path | str] | None) -> None:
        self._bar = _bar() if shown else None
        self._task = self._bar.add_task("", total=None) if self._bar is not None else None
        self._images = images
        self._moves = False

    def __enter__(self) -> ProgressLine:
        if self._bar is not None and self._images is not None:
            Thread(target=self._count, args=(self._images,), name="tlsearch-count", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def advance(self) -> None:
        """One image more is done."""
        if self._bar is not None and self._task is not None:
            if not self._moves:
                self._bar.start()
                self._moves = True
            self._bar.advance(self._task)

    def hide(self) -> None:
        """Take the line away until the next image is done."""
        if self._bar is not None and self._moves:
            self._bar.stop()
            self._moves = False

    def beside(self, stream: IO[Any]) -> Any:
        """The stream, where the line makes room for whatever is written there."""
        return _Beside(stream, self) if self._bar is not None else stream

    def _count(self, images: Iterable[Path | str]) -> None:
        from tlsearch.predictor.sources.count import count

        total = count(images)
        if total is not None and self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)


class _Beside:
    """A stream in the terminal in which the line moves."""

    def __init__(self, stream: IO[Any], line: ProgressLine) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: Any) -> int:
        self._line.hide()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _bar() -> Progress | None:
    """The line; None in a terminal in which nothing can move."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    console = Console(file=sys.stderr)
    if not console.is_interactive:
        return None

    class Counts(ProgressColumn):
        """How many are done, of how many, and how many in a second."""

        def render(self, task: Task) -> Text:
            of = "" if task.total is None else f"/{int(task.total):,}"
            rate = "" if task.speed is None else f"  {task.speed:,.1f} a second"
            return Text(f"{int(task.completed):,}{of} images{rate}")

    return Progress(
        BarColumn(20),
        Counts(),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=console,
        refresh_per_second=1 / _EACH,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
