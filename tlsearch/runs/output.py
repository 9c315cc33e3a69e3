"""The output folder of a run: claimed for one process, kept when the run is interrupted, tidied when it is over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import UsageError
from tlsearch.pipeline.context import CHECKPOINT_FOLDER, WORK_FOLDER
from tlsearch.results.result import RESULT_FILE
from tlsearch.runs.lock import output_lock
from tlsearch.utils.folders import claim_output, set_aside

LOG_NAME = "worker.log"


@contextmanager
def output_folder(config: RunConfig) -> Iterator[Path]:
    """The output folder, with the request in it and the folder for work that ends with the run.

    A dry run leaves nothing behind, nor does a request that turns out to be impossible. What a run has found out stays
    where it is interrupted, so that it can go on; ``UsageError`` says who else is writing into the folder.
    """
    if config.dry_run:
        with TemporaryDirectory(prefix="tlsearch-") as temporary:
            (Path(temporary) / WORK_FOLDER).mkdir()
            yield Path(temporary)
        return
    existed = config.output is not None and config.output.exists()
    output = claim_output(config)
    try:
        with output_lock(output):
            yield from _inside(config, output)
    except UsageError:
        if not existed:
            with suppress(OSError):  # somebody else may have put something there meanwhile
                output.rmdir()
                if config.output is None:
                    output.parent.rmdir()
        raise


def is_finished(output: Path) -> bool:
    """Whether the run in this folder is over: its result is there, and what it worked with is not."""
    return (output / RESULT_FILE).exists() and not (output / WORK_FOLDER).exists()


def _inside(config: RunConfig, output: Path) -> Iterator[Path]:
    if config.force:
        set_aside(output)
    work = output / WORK_FOLDER
    goes_on = (work / CHECKPOINT_FOLDER).exists() or is_finished(output)
    if not is_finished(output):
        work.mkdir(exist_ok=True)
        config.with_output(output).to_toml(output / CONFIG_NAME)
    try:
        yield output
    except UsageError:
        if not goes_on:
            shutil.rmtree(work, ignore_errors=True)
            for name in (CONFIG_NAME, LOG_NAME):
                (output / name).unlink(missing_ok=True)
        raise
    shutil.rmtree(work, ignore_errors=True)
