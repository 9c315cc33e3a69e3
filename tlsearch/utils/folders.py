"""Where things are written when nobody says otherwise."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import UsageError

RUNS_FOLDER = "tlsearch-runs"
CACHE_VARIABLE = "TLSEARCH_CACHE_DIR"

# Any of these in a folder means that a run has been there, or that a run would overwrite somebody's models.
_TRACES = ("result.json", "study.db", "model", "linear_probe", "baseline")

# What a run makes in its folder.
_MADE = (
    *(CONFIG_NAME, "result.json", "report.html", "trials.csv", "study.db*", "worker.log", ".tlsearch-work"),
    *("model", "linear_probe", "baseline", "scratch-*", "refit", "pictures", "unsent", "tlsearch-error-*.txt"),
)


def cache_dir(chosen: Path | None = None) -> Path:
    """The folder of the feature store: ``features`` in the cache folder. A folder of its own, so that clearing it can
    touch nothing else.
    """
    return _cache_root(chosen) / "features"


def weights_dir(chosen: Path | None = None) -> Path:
    """The folder for what packages of weights write: ``weights`` in the cache folder."""
    return _cache_root(chosen) / "weights"


def plugin_states_file() -> Path:
    """The file that remembers which plugins have been loaded, and which of them were broken."""
    return _cache_root(None) / "plugins.json"


def _cache_root(chosen: Path | None) -> Path:
    """``chosen``, else what the variable TLSEARCH_CACHE_DIR names, else the user's cache directory."""
    if chosen is None and (named := os.environ.get(CACHE_VARIABLE)):
        chosen = Path(named)
    if chosen is None:
        import platformdirs

        chosen = Path(platformdirs.user_cache_dir("tlsearch", appauthor=False))
    return chosen.expanduser().absolute()


def claim_output(config: RunConfig, now: datetime | None = None) -> Path:
    """Makes the output folder of a run and gives its absolute path.

    Without ``config.output`` it is ``tlsearch-runs/<dataset>-<YYYYmmdd-HHMM>`` in the working directory, with
    ``-2``, ``-3`` and so on behind it where that is taken. Two runs that start at once get two folders.

    Raises:
        UsageError: what ``check_output`` says, or a folder cannot be made.
    """
    check_output(config)
    if config.output is not None:
        return _make(config.output, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", config.dataset.resolve().name).strip("-.") or "run"
    base = Path(RUNS_FOLDER) / f"{name}-{(now or datetime.now()):%Y%m%d-%H%M}"
    number = 1
    while True:
        try:
            return _make(base if number == 1 else base.with_name(f"{base.name}-{number}"), exist_ok=False)
        except FileExistsError:
            number += 1


def check_output(config: RunConfig) -> None:
    """Raises ``UsageError`` where results would lie among the images, or ``config.output`` is a file or already holds
    something else than a run that was asked for just like this one; nothing is made."""
    output = config.output
    for data in (config.dataset, config.test):
        if data is not None and (output or Path(RUNS_FOLDER)).resolve().is_relative_to(data.resolve()):
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
    if (output / CONFIG_NAME).exists():
        differences = config.differences(RunConfig.from_toml(output / CONFIG_NAME))
        if differences:
            raise UsageError(
                f"--output {output} already holds a run, which was asked for with {', '.join(differences)}: name "
                "another folder, ask for the same to have it go on, or start anew in this one with --force."
            )
        return
    for trace in _TRACES:
        if (output / trace).exists():
            raise UsageError(
                f"--output {output} already holds a run (there is a {trace}): name another folder, or start anew in "
                "this one with --force, which deletes nothing."
            )


def set_aside(output: Path) -> None:
    """Moves what a run has left in ``output`` into a folder ``earlier-1`` there, or ``earlier-2`` and so on."""
    names = [path for pattern in _MADE for path in output.glob(pattern)]
    if not names:
        return
    number = 1
    while (output / f"earlier-{number}").exists():
        number += 1
    target = _make(output / f"earlier-{number}", exist_ok=False)
    for path in names:
        path.rename(target / path.name)


def _make(folder: Path, *, exist_ok: bool) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        raise
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be made ({error.strerror}): name another one with --output."
        ) from error
    return folder.absolute()
