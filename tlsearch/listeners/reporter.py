"""A reporter, such as the console, as a callback."""

from __future__ import annotations

from tlsearch.callbacks import Callback, Progress
from tlsearch.reporter import Reporter


class ReporterCallback(Callback):
    """Tells a reporter the lines, the warnings and the progress of a run."""

    name = "reporter"

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def on_step(self, step: str, text: str) -> None:
        """Say a result of a step."""
        self._reporter.say(step, text)

    def on_warning(self, text: str) -> None:
        """Say what a person should know."""
        self._reporter.warn(text)

    def on_progress(self, progress: Progress) -> None:
        """Show how far a step is."""
        self._reporter.progress(progress.step, progress.done, progress.total, progress.text, progress.seconds_left)
