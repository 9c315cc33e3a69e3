"""A reporter, such as the console, as a callback."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.callbacks import Callback, Progress, WorkerInfo
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

    def on_workers(self, workers: Sequence[WorkerInfo]) -> None:
        """Show what each worker does, where the reporter can: a reporter of a user's own need not."""
        show = getattr(self._reporter, "workers", None)
        if show is not None:
            show(workers)
