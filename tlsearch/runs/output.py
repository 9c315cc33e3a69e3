"""The output folder of a run: claimed for one process, kept when the run is interrupted, tidied when it is over."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_places import BESIDE
from tlsearch.config_values import PRETRAIN_NAME, PROVENANCE_NAME
from tlsearch.errors import UsageError
from tlsearch.results.result import RESULT_FILE
from tlsearch.runs.lock import output_lock, writing_into
from tlsearch.utils.addresses import source_name
from tlsearch.utils.files import moved_path, write_atomically
from tlsearch.utils.texts import is_utf8

Config = TypeVar("Config", bound=RunConfig)

RUNS_FOLDER = "tlsearch-runs"
LOG_NAME = "worker.log"

WORK_FOLDER = ".tlsearch-work"
"""The folder inside the output folder for what is needed only while the run goes on. It is deleted at the end, so its
name is one that nobody else's folder has."""

_OVER = f"{WORK_FOLDER}-over"
"""What that folder is called while it is deleted: half of it must not be taken for a run that goes on."""

CHECKPOINT_FOLDER = "checkpoint"
"""The folder inside that for what was found out so far."""

CONFIGS = (CONFIG_NAME, PRETRAIN_NAME)
"""The files that say what a folder was made for: a run, or the training of weights."""

# Any of these in a folder means that a run has been there, or that a run would overwrite somebody's models.
_TRACES = (RESULT_FILE, "study.db", "model", "linear_probe", "baseline")

# What a run makes in its folder, and what is made of its model there.
_MADE = (
    *(*CONFIGS, RESULT_FILE, PROVENANCE_NAME, "report.html", "trials.csv", "study.db*", LOG_NAME, f"{WORK_FOLDER}*"),
    *(
        "model",
        "linear_probe",
        "baseline",
        "scratch-*",
        "refit",
        "pictures",
        "heat-maps",
        "unsent",
        "exported",
        "explained",
        "report-error.log",
        "tlsearch-error-*.txt",
    ),
)


@contextmanager
def output_folder(config: RunConfig) -> Iterator[Path]:
    """Give the output folder, with the request in it and the folder for work that ends with the run.

    A request that turns out to be impossible leaves nothing behind. What a run has found out stays where it is
    interrupted, so that it can be resumed.

    Raises:
        UsageError: The folder cannot be used, or another run is writing into it.
    """
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
    """Whether what was done in this folder is over: its result is there, and what it worked with is not."""
    results = (output / RESULT_FILE, output / PROVENANCE_NAME)
    return any(file.exists() for file in results) and not (output / WORK_FOLDER).exists()


def claim_output(config: RunConfig, now: datetime | None = None) -> Path:
    """Make the output folder of a run and give its absolute path.

    Without ``config.output`` it is ``tlsearch-runs/<dataset>-<YYYYmmdd-HHMM>`` in the working directory, with
    ``-2``, ``-3`` and so on behind it where that is taken. Two runs that start at once get two folders.

    Raises:
        UsageError: What ``check_output`` says, or a folder cannot be made.
    """
    check_output(config)
    if config.output is not None:
        return _make(config.output, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", source_name(config.source)).strip("-.") or "run"
    base = Path(RUNS_FOLDER) / f"{name}-{(now or datetime.now()):%Y%m%d-%H%M}"
    number = 1
    while True:
        try:
            return _make(base if number == 1 else base.with_name(f"{base.name}-{number}"), exist_ok=False)
        except FileExistsError:
            number += 1


def check_output(config: RunConfig) -> None:
    """Check that a run may write into its output folder; nothing is made.

    Raises:
        UsageError: Results would lie among the images, or ``config.output`` is a file or already holds something else
            than a run that was asked for just like this one.
    """
    output = config.output
    if not is_utf8(str(Path.cwd())):  # all that is made of it, an address of a database too, would have no form
        raise UsageError(f"The name of the working directory {str(Path.cwd())!r} is no text in UTF-8: rename it.")
    for data in config.data_folders:
        if (output or Path(RUNS_FOLDER)).resolve().is_relative_to(data.resolve()):
            raise UsageError(
                f"The results would be written into {data}, where the images are: name a folder elsewhere with "
                "--output."
            )
    if output is None:
        return
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder.")
    if config.force:
        return
    if (output / config.file_name).exists():
        # A run that goes on finds out by their contents whether the images are the same.
        before = moved_with_output(type(config).from_toml(output / config.file_name), output)
        differences = config.differences(before, moved=not is_finished(output))
        if differences:
            raise UsageError(
                f"--output {output} already holds a run, which was asked for with {', '.join(differences)}: name "
                "another folder, ask for the same to have it go on, or start anew in this one with --force."
            )
        return
    for trace in (*CONFIGS, *_TRACES):
        if (output / trace).exists():
            raise UsageError(
                f"--output {output} already holds a run (there is a {trace}): name another folder, or start anew in "
                "this one with --force, which deletes nothing."
            )


def former_folder(output: Path) -> Path:
    """Give the output folder in which the run in ``output`` was last at work: it may have been moved since."""
    for name in CONFIGS:
        try:
            named = tomllib.loads((output / name).read_text(encoding="utf-8-sig")).get("output")
        except (OSError, ValueError):  # not there, or damaged
            continue
        if isinstance(named, str):
            return Path(named)
    return output.absolute()


def moved_with_output(config: Config, output: Path) -> Config:
    """Give the configuration of the run in ``output``, in which what was moved together with it is where it is now.

    That are images, weights and the cache folder of a project that was moved as a whole.
    """
    before, now = former_folder(output), output.absolute()
    if before == now:
        return config
    changes: dict[str, Any] = {
        name: moved_path(value, before, now)
        for name in ("dataset", *BESIDE, "cache_dir")
        if isinstance(value := getattr(config, name), Path)
    }
    named = (entry.partition("=") for entry in config.weights)
    weights = tuple(f"{name}={moved_path(Path(file), before, now)}" for name, _, file in named)
    return replace(config, weights=weights, **changes)


def set_aside(output: Path) -> None:
    """Move what a run has left in ``output`` into a folder ``earlier-1`` there, or ``earlier-2`` and so on."""
    names = [path for pattern in _MADE for path in output.glob(pattern)]
    if not names:
        return
    number = 1
    while (output / f"earlier-{number}").exists():
        number += 1
    target = _make(output / f"earlier-{number}", exist_ok=False)
    for path in names:
        path.rename(target / path.name)


def _inside(config: RunConfig, output: Path) -> Iterator[Path]:
    with writing_into(output):
        if config.force:
            set_aside(output)
        work, file, finished = output / WORK_FOLDER, output / config.file_name, is_finished(output)
        goes_on = (work / CHECKPOINT_FOLDER).exists() or finished
        before = file.read_text(encoding="utf-8") if goes_on and not finished and file.exists() else None
        if not finished:
            config.with_output(output).to_toml(file)
            work.mkdir(exist_ok=True)
    try:
        yield output
    except UsageError:
        if before is not None:  # what was asked for this time is not to be
            write_atomically(file, before)
        if not goes_on:
            shutil.rmtree(work, ignore_errors=True)
            for name in (config.file_name, LOG_NAME):
                (output / name).unlink(missing_ok=True)
        raise
    _delete(work)


def _delete(work: Path) -> None:
    """Delete the folder for work of a run that is over, under another name, for it may be interrupted in the middle."""
    over = work.with_name(_OVER)
    shutil.rmtree(over, ignore_errors=True)  # what an earlier attempt has left
    with suppress(OSError):  # not there; or, on Windows, a file in it is open
        work.rename(over)
    for folder in (over, work):
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, *, exist_ok: bool) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        if isinstance(error, FileExistsError) and not exist_ok:
            raise
        raise UsageError(
            f"The folder {folder} cannot be made ({error.strerror}): name another one with --output."
        ) from error
    return folder.absolute()
