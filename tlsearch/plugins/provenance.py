"""Where a plugin comes from, to the version and to the source: what stored features are told apart by."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from tlsearch.plugins.guard import unguarded
from tlsearch.plugins.registry import find_plugins, loaded, origin

ENGINE = "tlsearch"

LARGEST_READ = 16 << 20
"""Bytes; larger files of a package are its weights, whose contents are known apart. Of others the size counts."""


def provenance(kind: str, name: str) -> str:
    """Distribution and version of a plugin; what is no plugin is the engine's own."""
    return next((origin(entry) for entry in find_plugins(kind) if entry.name == name), ENGINE)


def plugin_digest(plugin: object) -> str:
    """A hash of the package that a plugin comes from, or of its file where it is in none, and of its settings.

    An edited plugin, or one with an edited helper or table of numbers, therefore never meets the features of its former
    self. Several packages count where a plugin is made by them: that of its class, those of other plugins that the
    class is derived from, and that of the module in which the object is registered, which may say of it what its class
    does not. What it reads from elsewhere counts where its attribute ``settings_id`` tells of it.
    """
    own = unguarded(plugin)
    sources = [_source_of(made_by) for made_by in _made_by(own)]
    digests = sorted({_source_digest(Path(source)) for source in sources if source})
    if settings := getattr(own, "settings_id", ""):
        digests.append(f"settings {settings}")
    if len(digests) < 2:
        return next(iter(digests), "unknown")
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]


def files_of_package(folder: Path) -> list[Path]:
    """The files of a package's folder, sorted: its code, and what lies beside it, without what Python makes of them."""
    found = (file for file in folder.rglob("*") if not _is_passing(file.relative_to(folder)) and file.is_file())
    return sorted(found)


def _is_passing(path: Path) -> bool:
    """Whether a file comes and goes by itself: compiled code, and what editors and systems hide."""
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _made_by(plugin: object) -> Iterator[type | ModuleType]:
    """The classes and the module that say what a plugin does; Python's, Keras' and the engine's are not followed."""
    own = type(plugin)
    packages = {_package(entry.target) for entry in find_plugins(switched_off=True)}
    yield own
    yield from (base for base in own.__mro__[1:] if _package(base.__module__) in packages)
    registered = (found.entry.target.partition(":")[0] for found in loaded() if found.plugin is plugin)
    yield from (sys.modules[name] for name in registered if name in sys.modules)


def _package(name: str) -> str:
    return re.split("[.:]", name)[0]


def _source_of(made_by: type | ModuleType) -> str | None:
    try:
        return inspect.getsourcefile(made_by)
    except (OSError, TypeError):
        return None


@cache
def _source_digest(file: Path) -> str:
    """Read once in a process, as the code itself is."""
    folder = file.parent
    if not (folder / "__init__.py").exists():
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    digest = hashlib.sha256()
    for path in files_of_package(folder):
        size = path.stat().st_size
        content = hashlib.sha256(path.read_bytes()).hexdigest() if size <= LARGEST_READ else str(size)
        digest.update(f"{path.relative_to(folder)}\0{content}\0".encode())
    return digest.hexdigest()[:16]
