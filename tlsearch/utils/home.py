"""The folders of a user, also of one without a home, as in many containers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal


def ensure_home() -> None:
    """Where the user has no home at all, make one in the folder for temporary files and name it in HOME.

    MLflow and matplotlib cannot be imported, or complain, without one.
    """
    try:
        Path.home()
    except RuntimeError:
        home = _own_folder()
        home.mkdir(mode=0o700, exist_ok=True)
        os.environ["HOME"] = str(home)


def home_may_be_written() -> bool:
    """Whether the user has a home, and may write there."""
    return os.access(os.path.expanduser("~"), os.W_OK)  # noqa: PTH111 - Path.expanduser raises where there is no home


def user_folder(kind: Literal["cache", "data"]) -> Path:
    """Give the folder of this user for what may be lost ("cache") or should be kept ("data"); it need not be there.

    It is that of the system's rules. Where the user has no home, or none that may be written, it lies in the folder for
    temporary files, with the number of the user in its name.
    """
    import platformdirs

    choose = platformdirs.user_cache_dir if kind == "cache" else platformdirs.user_data_dir
    try:
        folder = Path(choose("tlsearch", appauthor=False))
    except RuntimeError:  # no HOME, and a user that the system does not know
        return _own_folder() / kind
    return folder if _may_be_written(folder) else _own_folder() / kind


def keras_home() -> Path:
    """Give the folder of Keras by its own rule: ``$KERAS_HOME``, else ``~/.keras``, without a home ``/tmp/.keras``."""
    named = os.environ.get("KERAS_HOME")
    if named:
        return Path(os.path.expanduser(named))  # noqa: PTH111 - Path.expanduser raises where there is no home
    home = os.path.expanduser("~") if home_may_be_written() else "/tmp"  # noqa: PTH111
    return Path(home) / ".keras"


def _own_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"tlsearch-{user}"
    if folder.exists() and hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        # Somebody else made it: what lies there is not ours to read.
        folder = Path(tempfile.mkdtemp(prefix=f"tlsearch-{user}-"))
    return folder


def _may_be_written(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that is there, may be written."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return os.access(there, os.W_OK | os.X_OK)
