"""Where the cache folder is, and the folders in it.

All but trained weights may be deleted at any time and is made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tlsearch.utils.addresses import expand_home
from tlsearch.utils.files import file_lock, write_atomically
from tlsearch.utils.home import user_folder

CACHE_VARIABLE = "TLSEARCH_CACHE_DIR"

_COMPLETE = "complete"
"""The file beside a kept folder that says how many files belong in it."""


def features_dir(chosen: Path | None = None) -> Path:
    """Give the folder of the feature store: ``features`` in the cache folder.

    It is a folder of its own, so that clearing it can touch nothing else.
    """
    return _cache_root(chosen) / "features"


def weights_dir(chosen: Path | None = None) -> Path:
    """Give the folder for what packages of weights write: ``weights`` in the cache folder."""
    return _cache_root(chosen) / "weights"


def trained_dir() -> Path:
    """Give the folder of weights that ``tlsearch pretrain`` made: ``trained`` in the user's cache folder.

    No option of a run chooses it, so that every run finds them. What is in it is not made again by itself.
    """
    return _cache_root(None) / "trained"


def sources_dir(chosen: Path | None = None) -> Path:
    """Give the folder for images that were no folder of files: ``sources`` in the cache folder."""
    return _cache_root(chosen) / "sources"


def keep_folder(place: Path, name: str, fill: Callable[[Path], None]) -> tuple[Path, int]:
    """Give the folder ``name`` in ``place``, filled once, and how many files are in it.

    A folder that an earlier call has completed is given as it is. One whose filling was interrupted, or from which
    files are missing, is filled anew. Of two processes that ask at once one fills it and the other waits.

    Args:
        place: A folder for this one alone; its name tells the content from all others.
        name: The name of the folder, which people may see.
        fill: Writes the files into the empty folder. What it raises is passed on, and nothing is kept.

    Raises:
        OSError: A file or a folder cannot be made.
    """
    folder, complete = place / name, place / _COMPLETE
    place.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(place.with_name(f"{place.name}.lock")):
        if complete.is_file() and folder.is_dir():
            held = count_files(folder)
            if complete.read_text(encoding="utf-8") == str(held):
                return folder, held
        shutil.rmtree(place, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            fill(folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        held = count_files(folder)
        write_atomically(complete, str(held))
        return folder, held


def count_files(folder: Path) -> int:
    """How many files lie in a folder, at any depth."""
    return sum(len(files) for _, _, files in os.walk(folder))


def plugin_states_file() -> Path:
    """Give the file that remembers which plugins have been loaded, and which of them were broken."""
    return _cache_root(None) / "plugins.json"


def _cache_root(chosen: Path | None) -> Path:
    """``chosen``, else what the variable TLSEARCH_CACHE_DIR names, else the user's cache directory."""
    if chosen is None and (named := os.environ.get(CACHE_VARIABLE)):
        chosen = Path(named)
    return (user_folder("cache") if chosen is None else expand_home(chosen)).absolute()
