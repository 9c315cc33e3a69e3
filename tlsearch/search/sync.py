"""Sending to MLflow what a run kept while the store did not answer."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tlsearch.config import CONFIG_NAME
from tlsearch.errors import TrackingError, UsageError
from tlsearch.progress import Reporter
from tlsearch.results.result import RESULT_FILE, read_result
from tlsearch.search.one_writer import one_writer
from tlsearch.tracking.outbox import UNSENT_FOLDER, Outbox
from tlsearch.tracking.tracker import Tracker

_NAMING = (RESULT_FILE, "trials.csv", "report.html")
"""Files of a result that name MLflow runs."""


def hint_at_sync(reporter: Reporter, output: Path) -> None:
    """Say how a record that waits in an output folder gets into MLflow, where one does."""
    if count := len(Outbox(output / UNSENT_FOLDER)):
        what = f"{count} writes for MLflow wait in {output / UNSENT_FOLDER}"
        reporter.warn(f"{what}: `tlsearch sync {shlex.quote(str(output))}` sends them when the store answers")


def sync(output: Path, reporter: Reporter) -> int:
    """Send what waits in the folder of a run; gives the number of writes that were sent.

    Raises ``UsageError`` where the folder holds no run or one that goes on, ``TrackingError`` where the store does not
    answer, or ceases to: what it has not got still waits then.
    """
    if not (output / CONFIG_NAME).is_file():
        raise UsageError(f"{output} holds no run (there is no {CONFIG_NAME}): name its output folder.")
    with one_writer(output):
        unsent = (output / UNSENT_FOLDER).absolute()
        kept = Outbox(unsent)
        address, count = kept.address, len(kept)
        if address is None or not count:
            return 0
        tracker = Tracker.open(address.uri, address.experiment, unsent=unsent, warn=reporter.warn)
        left = tracker.send_waiting()
        if left:
            raise TrackingError(
                f"The MLflow store {address.uri} took {count - left} of {count} writes and answers no more: "
                "call this again when it does."
            )
        if (output / RESULT_FILE).exists():
            changed, record = name_runs(tracker, output), read_result(output).mlflow
            if record is not None:
                for file in changed:
                    tracker.log_artifact(record.parent_run_id, file)
            tracker.forget_sent()
    return count


def name_runs(tracker: Tracker, output: Path) -> list[Path]:
    """Put the store's ids of runs and models in the place of our own in the files of a result; gives those files."""
    changed = []
    for name in _NAMING:
        file = output / name
        before = file.read_bytes()
        after = tracker.with_real_ids(before.decode()).encode()
        if after != before:
            part = file.with_name(f".{name}.{os.getpid()}.part")
            part.write_bytes(after)
            part.replace(file)
            changed.append(file)
    return changed
