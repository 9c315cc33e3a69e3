"""The environment of a Python process of tlsearch's own: it finds what this one finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tlsearch

_COPIES = "thirdparty_files"
"""Where Ray has copies of other packages, which it puts in front of the path for itself. A child has none of Ray's."""


def child_environment(**variables: str) -> dict[str, str]:
    """The variables for ``python -P -m tlsearch...``: those of this process, and ``variables``.

    The child searches for modules where this process does, so that a tlsearch in a folder of ``pip install --target``,
    in a zip file or on a ``sys.path`` that was changed is found. The folder of the script or the working directory is
    left out: a ``queue.py`` that lies there must not be taken for Python's own. MPLBACKEND is left out: a child draws
    nothing, and a notebook's value may make ``import matplotlib``, and Keras with it, fail in another environment.
    """
    found = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join([*_asked_for(), *_places()])}
    found.pop("MPLBACKEND", None)
    return found


def _asked_for() -> list[str]:
    """What the variable says now, which may have been set after this process began."""
    return [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


def _places() -> list[str]:
    home = Path(tlsearch.__file__).resolve().parents[1]
    left_out = {Path.cwd().resolve()} | _script_folder()
    resolved = [(place, Path(place).resolve()) for place in sys.path if place]
    return [place for place, path in resolved if path == home or not (path in left_out or path.name == _COPIES)]


def _script_folder() -> set[Path]:
    """The folder that Python put in front of its path for the script that it runs."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return {Path(file).resolve().parent} if file and not sys.flags.safe_path else set()
