"""Where a plugin comes from, to the version and to the source: what stored features are told apart by."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from pathlib import Path

from tlsearch.plugins.guard import unguarded
from tlsearch.plugins.registry import find_plugins, origin

ENGINE = "tlsearch"


def provenance(kind: str, name: str) -> str:
    """Distribution and version of a plugin; what is no plugin is the engine's own."""
    return next((origin(entry) for entry in find_plugins(kind) if entry.name == name), ENGINE)


def plugin_digest(plugin: object) -> str:
    """A hash of the source of the package that a plugin comes from, or of its file where it is in none.

    An edited plugin, or one with an edited helper, therefore never meets the features of its former self.
    """
    try:
        source = inspect.getsourcefile(type(unguarded(plugin)))
    except (OSError, TypeError):
        source = None
    return _source_digest(Path(source)) if source else "unknown"


@cache
def _source_digest(file: Path) -> str:
    """Read once in a process, as the code itself is."""
    folder = file.parent
    if not (folder / "__init__.py").exists():
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()[:16]
