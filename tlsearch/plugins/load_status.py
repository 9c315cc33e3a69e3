"""What is known of plugins without loading them: how they did when somebody last loaded or checked them.

Kept in one small file of the cache folder. A plugin of another version, or whose files have changed since, is unknown.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tlsearch.plugins.provenance import files_of_package
from tlsearch.plugins.registry import BrokenPlugin, LoadedPlugin, PluginEntry, find_plugins, load_entry, name_fault
from tlsearch.utils.cache_folders import plugin_states_file
from tlsearch.utils.files import write_atomically


@dataclass(frozen=True)
class PluginState:
    """How a plugin did.

    ``status`` is "ok" where the last check found nothing, "failed" where it did (the ``reason`` names the checks),
    "loads" where it was loaded since its files last changed and never checked, "broken" where it could not be loaded
    (with the ``reason``), or "not loaded yet".
    """

    status: str
    reason: str = ""


UNKNOWN = PluginState("not loaded yet")
LOADS = PluginState("loads")
PASSED = PluginState("ok")


def remember(outcomes: Iterable[LoadedPlugin | BrokenPlugin]) -> None:
    """Note how loading plugins went. What a check has found of one that is still the same stays.

    Where the file cannot be written, nothing is remembered; nor is a fault of a name, which ends when another package
    goes.
    """
    entries = find_plugins()
    states = {}
    for outcome in (outcome for outcome in outcomes if not name_fault(outcome.entry, entries)):
        states[outcome.entry] = PluginState("broken", outcome.reason) if isinstance(outcome, BrokenPlugin) else LOADS
    _note(states)


def remember_checks(entry: PluginEntry, failed: Sequence[str]) -> None:
    """Note what the checks of a plugin have found: the names of those that it failed."""
    count = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
    _note({entry: PluginState("failed", f"{count}: {', '.join(failed)}") if failed else PASSED})


def _note(states: Mapping[PluginEntry, PluginState]) -> None:
    known = _read()
    for entry, state in states.items():
        kept, stamp = known.get(_key(entry), {}), _stamp(entry)
        checked = kept.get("stamp") == stamp and kept.get("status") in (PASSED.status, "failed")
        if not (state == LOADS and checked):
            known[_key(entry)] = {**vars(state), "stamp": stamp}
    with contextlib.suppress(OSError):
        _write(known)


def load_and_remember(entry: PluginEntry) -> LoadedPlugin | BrokenPlugin:
    """Load a plugin, and remember how it did."""
    from tlsearch.backend import silent_stderr  # NumPy comes with it, which a list of plugins does not wait for

    with silent_stderr():  # most plugins import Keras, and TensorFlow says much
        outcome = load_entry(entry)
    remember([outcome])
    return outcome


def last_known(entries: list[PluginEntry]) -> dict[PluginEntry, PluginState]:
    """The state of each plugin; a name that is taken twice is told from metadata alone."""
    known = _read()
    states = {}
    for entry in entries:
        fault = name_fault(entry, entries)
        kept = known.get(_key(entry), {})
        fresh = kept.get("stamp") == _stamp(entry)
        states[entry] = PluginState(str(kept["status"]), str(kept["reason"])) if fresh else UNKNOWN
        if fault:
            states[entry] = PluginState("broken", fault)
    return states


def _key(entry: PluginEntry) -> str:
    return f"{entry.kind} {entry.name} {entry.distribution}"


def _stamp(entry: PluginEntry) -> str:
    """The plugin's version and target, a digest of its files' times, and tlsearch's version: whatever may fix it."""
    digest = hashlib.sha256()
    for file in sorted(_files(entry.target.partition(":")[0])):
        with contextlib.suppress(OSError):  # an editor's lock, or gone meanwhile
            digest.update(f"{file} {file.stat().st_mtime_ns}\n".encode())
    return f"{entry.version} {entry.target} {digest.hexdigest()[:16]} {metadata.version('tlsearch')}"


def _files(module: str) -> list[Path]:
    """The file of a module, or all of the package that it is in; found without importing anything."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return []
    if not spec.submodule_search_locations:
        return [Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []
    folders = [Path(place).joinpath(*rest) for place in spec.submodule_search_locations]
    folders = [_whole_package(folder if folder.is_dir() else folder.parent) for folder in folders]
    return [file for folder in folders for file in files_of_package(folder)]


def _whole_package(folder: Path) -> Path:
    """The folder of the outermost package that a folder is in; a namespace, which distributions share, is none."""
    while (folder / "__init__.py").exists() and (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def _read() -> dict[str, Any]:
    try:
        known = json.loads(plugin_states_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if _whole(v)} if isinstance(known, dict) else {}


def _whole(kept: Any) -> bool:
    return isinstance(kept, Mapping) and {"status", "reason", "stamp"} <= set(kept)


def _write(known: Mapping[str, Any]) -> None:
    file = plugin_states_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(known, indent=1))
