"""What the search shows while trials run: the best so far, and what each worker does."""

from __future__ import annotations

from collections.abc import Callable

from tlsearch.pipeline.context import RunContext
from tlsearch.search.study import Search
from tlsearch.types import EpochNumbers, TrialSpec


class AtWork:
    """The trials that run now."""

    def __init__(self, context: RunContext, search: Search, left: Callable[[], float | None]) -> None:
        """``left`` gives the seconds that the search may still take; None without a limit."""
        self._context, self._search, self._left = context, search, left
        self._running: dict[int, tuple[float, str]] = {}  # the share that is done, and a text, by number

    def show(self, number: int, spec: TrialSpec, numbers: EpochNumbers | None = None) -> None:
        """Show that a trial has begun, or has come to the end of an epoch."""
        fraction, text = 0.0, spec.label
        if numbers is not None:
            fraction = numbers["fraction"]
            text += f": {numbers['objective']:.3f} after {fraction:.0%}"
        self._running[number] = (fraction, text)
        top = self._search.best(1)
        so_far = f"best {top[0].value:.3f}  " if top and top[0].value is not None else ""
        total = self._context.config.effective_trials
        done = len(self._search.finished) + sum(share for share, _ in self._running.values())
        texts = " | ".join(text for share, text in self._running.values() if share < 1.0) or text
        self._context.callbacks.on_progress("search", done, total, f"{so_far}{texts}", self._left())

    def end(self, number: int) -> None:
        """Forget a trial that is over."""
        self._running.pop(number, None)
