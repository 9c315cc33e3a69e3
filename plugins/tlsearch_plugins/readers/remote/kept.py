"""What readers that unpack or download share: a place in the cache, and the names that people know."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import DataError, UsageError
from tlsearch.plugin_api import Reading, ReadingOptions


def place_for(options: ReadingOptions, *facts: object) -> Path:
    """The folder in the cache for what these facts tell from all else."""
    assert options.cache is not None, "the engine sets it"
    digest = hashlib.sha256("\0".join(str(fact) for fact in facts).encode(errors="surrogateescape")).hexdigest()
    return options.cache / digest[:16]


def read_kept(options: ReadingOptions, kept: Path, shown: str, understood: str) -> Reading:
    """What is in ``kept``, as if it were called ``shown``; ``understood`` is said first."""
    assert options.read is not None, "the engine sets it"
    try:
        reading = options.read(str(kept))
    except UsageError as error:
        if str(kept) not in str(error):
            raise
        kind = DataError if isinstance(error, DataError) else UsageError
        raise kind(str(error).replace(str(kept), shown)) from error
    return replace(reading, understood=(understood, *reading.understood), source=shown)
