"""How a run speaks to whoever started it. The command line draws it; a program may pass its own."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives what happens while a run goes on.

    ``step`` is as in ``Callback.on_step``. All methods return at once and must not raise. A reporter may also have a
    method ``workers``, which gets what each of several workers does, about once a second: a sequence of
    ``tlsearch.callbacks.WorkerInfo``.
    """

    def say(self, step: str, text: str) -> None:
        """A result of a step, one line, kept on the screen. A second call of one step continues below it."""

    def warn(self, text: str) -> None:
        """Something a person should know; the run goes on."""

    def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
        """How far a step is (``done`` of ``total``, any unit), what is being done and the best so far.

        ``most`` is the seconds that the step may still take, None without a limit. A call draws over the previous one;
        a log that is no terminal gets a line now and then.
        """


class SilentReporter:
    """Says nothing."""

    def say(self, step: str, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
        """Show nothing."""
