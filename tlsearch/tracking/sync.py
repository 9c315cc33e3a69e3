"""Sending to MLflow what a run kept while the store did not answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import TrackingError, UsageError
from tlsearch.reporter import Reporter
from tlsearch.results.result import RESULT_FILE, read_result
from tlsearch.runs.lock import output_lock
from tlsearch.runs.output import CONFIGS, former_folder
from tlsearch.tracking.outbox import UNSENT_FOLDER, Address, Outbox
from tlsearch.tracking.tracker import Tracker
from tlsearch.utils.files import write_atomically
from tlsearch.utils.sqlite_urls import moved_with

_NAMING = (RESULT_FILE, "trials.csv", "report.html")
"""Files of a result that name MLflow runs."""


def hint_at_sync(warn: Callable[[str], None], output: Path) -> None:
    """Say how a record that waits in an output folder gets into MLflow, where one does."""
    waiting = Outbox(output / UNSENT_FOLDER)
    if not len(waiting):
        return
    command = f"`tlsearch sync {shlex.quote(str(output))}`"
    if waiting.records:
        what = f"{len(waiting)} writes for MLflow wait in {output / UNSENT_FOLDER}"
        warn(f"{what}: {command} sends them when the store answers")
    else:
        what = f"{waiting.files} files for MLflow wait in {output / UNSENT_FOLDER}"
        warn(f"{what}: {command} sends them when the artifact store takes them")


def sync(output: Path, reporter: Reporter) -> int:
    """Send what waits in the folder of a run; gives the number of writes that were sent.

    Raises ``UsageError`` where the folder holds no run or one that goes on, ``TrackingError`` where the store does not
    answer, or ceases to: what it has not got still waits then.
    """
    if not any((output / name).is_file() for name in CONFIGS):
        raise UsageError(f"{output} holds no run (there is no {CONFIG_NAME}): name its output folder.")
    with output_lock(output):
        unsent = (output / UNSENT_FOLDER).absolute()
        if not unsent.exists():
            return 0
        address = Outbox(unsent).address or _address(output)
        uri = moved_with(address.uri, former_folder(output), output.absolute())
        tracker = Tracker.open(uri, address.experiment, unsent=unsent, warn=reporter.warn)
        left = tracker.send_waiting()
        if left and tracker.files_trouble:
            raise TrackingError(
                f"The MLflow store {tracker.uri} took {tracker.sent} writes, and its artifact store does not keep "
                f"{left} files ({tracker.files_trouble}): fix that, then call this again."
            )
        if left:
            raise TrackingError(
                f"The MLflow store {tracker.uri} took {tracker.sent} writes and {left} still wait: "
                "call this again when it answers."
            )
        if (output / RESULT_FILE).exists():
            settle(tracker, output)
        return tracker.sent


def _address(output: Path) -> Address:
    """Where a finished run was recorded, by its result."""
    record = read_result(output).mlflow
    if record is None:
        raise UsageError(f"{output} does not say where it was recorded: go on with `tlsearch resume` there.")
    config = RunConfig.from_toml(output / CONFIG_NAME)
    return Address(record.tracking_uri, config.effective_experiment)


def settle(tracker: Tracker, output: Path) -> None:
    """When all writes of a finished run are sent: its files name the runs as the store does, and are logged anew."""
    changed, record = name_runs(tracker, output), read_result(output).mlflow
    if record is not None:
        for file in changed:
            tracker.log_artifact(record.parent_run_id, file)
    if not tracker.send_waiting():
        tracker.forget_sent()


def name_runs(tracker: Tracker, output: Path) -> list[Path]:
    """Put the store's ids of runs and models in the place of our own in the files of a result; gives those files."""
    changed = []
    for file in (output / name for name in _NAMING):
        if not file.exists():
            continue
        before = file.read_bytes()
        after = tracker.with_real_ids(before.decode()).encode()
        if after != before:
            write_atomically(file, after)
            changed.append(file)
    return changed
