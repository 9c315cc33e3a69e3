"""Where the cache folder is, and the folders in it: all may be deleted at any time and is made again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "TLSEARCH_CACHE_DIR"


def features_dir(chosen: Path | None = None) -> Path:
    """Give the folder of the feature store: ``features`` in the cache folder.

    It is a folder of its own, so that clearing it can touch nothing else.
    """
    return _cache_root(chosen) / "features"


def weights_dir(chosen: Path | None = None) -> Path:
    """Give the folder for what packages of weights write: ``weights`` in the cache folder."""
    return _cache_root(chosen) / "weights"


def plugin_states_file() -> Path:
    """Give the file that remembers which plugins have been loaded, and which of them were broken."""
    return _cache_root(None) / "plugins.json"


def _cache_root(chosen: Path | None) -> Path:
    """``chosen``, else what the variable TLSEARCH_CACHE_DIR names, else the user's cache directory."""
    if chosen is None and (named := os.environ.get(CACHE_VARIABLE)):
        chosen = Path(named)
    if chosen is None:
        import platformdirs

        chosen = Path(platformdirs.user_cache_dir("tlsearch", appauthor=False))
    return chosen.expanduser().absolute()
