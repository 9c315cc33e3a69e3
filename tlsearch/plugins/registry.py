"""Plugins: found without importing them, loaded late, and kept as data where they fail."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from tlsearch.errors import PluginError
from tlsearch.plugins.companions import not_there
from tlsearch.plugins.guard import Guarded, raised
from tlsearch.plugins.kinds import ESSENTIAL, GROUPS, NAMES, kind_named
from tlsearch.plugins.traces import trace_of


@dataclass(frozen=True, order=True, kw_only=True)
class PluginEntry:
    """A plugin as its package announces it; nothing of it is imported. ``target`` is ``module:attribute``."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str


@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin that keeps its contract."""

    entry: PluginEntry
    plugin: Any


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that cannot be used, one sentence that says why, and for its author the traceback where there is one."""

    entry: PluginEntry
    reason: str
    traceback: str = ""


_cache: dict[PluginEntry, LoadedPlugin | BrokenPlugin] = {}


def find_plugins(kind: str | None = None, *, switched_off: bool = False) -> list[PluginEntry]:
    """Every installed plugin of ``kind`` (all where None), sorted, from package metadata alone.

    ``TLSEARCH_ONLY_BUILTIN=1`` leaves only what tlsearch itself brings; ``TLSEARCH_DISABLE_PLUGINS`` names
    distributions to leave out, separated by commas. With ``switched_off`` those are among them all the same. What
    tlsearch itself brings of an essential kind is never left out.
    """
    disabled = {_normal(name) for name in os.environ.get("TLSEARCH_DISABLE_PLUGINS", "").split(",") if name.strip()}
    only_builtin = os.environ.get("TLSEARCH_ONLY_BUILTIN", "") not in ("", "0")
    found = []
    for entry in _announced(tuple(sys.path), tuple(_changed(folder) for folder in sys.path)):
        distribution = _normal(entry.distribution)
        off = distribution in disabled - ({"tlsearch"} if entry.kind in ESSENTIAL else set())
        wanted = switched_off or not (off or (only_builtin and distribution != "tlsearch"))
        if wanted and kind in (None, entry.kind):
            found.append(entry)
    return found


@lru_cache(maxsize=4)
def _announced(path: tuple[str, ...], changed: tuple[int, ...]) -> tuple[PluginEntry, ...]:
    """Every plugin that is announced on the path, sorted.

    All distributions are read, which takes a tenth of a second where many are installed: once for each state of the
    path, which is its folders and when something was last installed in them.
    """
    points = metadata.entry_points()
    found = set()
    for kind in NAMES:
        for point in points.select(group=GROUPS[kind]):
            distribution, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
            found.add(
                PluginEntry(kind=kind, name=point.name, distribution=distribution, version=version, target=point.value)
            )
    return tuple(sorted(found))


def _changed(folder: str) -> int:
    """When a folder was last changed, in nanoseconds; 0 where it is not there."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


def load_plugin(kind: str, name: str) -> Any:
    """The plugin of that name, loaded once for each process.

    Raises ``PluginError`` where there is none, where two distributions claim the name, where it is broken.
    """
    outcome = outcome_of(kind, name)
    if isinstance(outcome, BrokenPlugin):
        raise PluginError(f"The {kind} {name!r} of {origin(outcome.entry)} cannot be used: {outcome.reason}")
    return outcome.plugin


def outcome_of(kind: str, name: str) -> LoadedPlugin | BrokenPlugin:
    """How loading the plugin of that name went, once for each process. Raises ``PluginError`` where there is none."""
    entries = find_plugins(kind)
    named = [entry for entry in entries if entry.name == name]
    if not named:
        raise PluginError(unknown_name(kind, name, sorted({entry.name for entry in entries})))
    return _load_unless_doubled(named[0], entries)


def load_guarded(kind: str, name: str) -> Any:
    """The plugin as ``load_plugin`` gives it, in the guard of its kind: what it raises is said to be its fault."""
    plugin, described = load_plugin(kind, name), kind_named(kind)
    return described.wrap(plugin) if described.wrap else Guarded(kind, plugin, described.methods)


def loaded() -> list[LoadedPlugin]:
    """The plugins that this process has loaded."""
    return [outcome for outcome in _cache.values() if isinstance(outcome, LoadedPlugin)]


def load_all(kind: str) -> tuple[list[LoadedPlugin], list[BrokenPlugin]]:
    """Every plugin of ``kind``: those that keep their contract, and those that do not with the reason."""
    entries = find_plugins(kind)
    outcomes = [_load_unless_doubled(entry, entries) for entry in entries]
    return (
        [outcome for outcome in outcomes if isinstance(outcome, LoadedPlugin)],
        [outcome for outcome in outcomes if isinstance(outcome, BrokenPlugin)],
    )


def _normal(distribution: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def origin(entry: PluginEntry) -> str:
    """Distribution and version of a plugin."""
    return f"{entry.distribution} {entry.version}".strip()


def unknown_name(kind: str, name: str, known: list[str]) -> str:
    """What to say where there is no plugin of that name."""
    for entry in find_plugins(switched_off=True):
        if entry.name == name and kind in ("plugin", entry.kind):
            return f"The {entry.kind} {name!r} of {origin(entry)} is switched off by an environment variable."
    return not_there(kind, name, known)


def load_entry(entry: PluginEntry) -> LoadedPlugin | BrokenPlugin:
    """Load one of ``find_plugins``."""
    return _load_unless_doubled(entry, find_plugins(entry.kind))


def name_fault(entry: PluginEntry, entries: list[PluginEntry]) -> str | None:
    """Why the name of ``entry``, one of ``entries``, cannot be used, as far as metadata tell; or None.

    It imports no kind of plugins, because ``tlsearch plugins list`` must answer at once.
    """
    rivals = [other for other in entries if (other.kind, other.name) == (entry.kind, entry.name) and other != entry]
    if rivals:
        return (
            f"the name is registered by {' and by '.join(sorted(map(origin, [entry, *rivals])))}; "
            f"uninstall all but one, or name the others in TLSEARCH_DISABLE_PLUGINS"
        )
    return None


def _load_unless_doubled(entry: PluginEntry, entries: list[PluginEntry]) -> LoadedPlugin | BrokenPlugin:
    fault = name_fault(entry, entries)
    if fault:
        return BrokenPlugin(entry, fault)
    if entry not in _cache:
        _cache[entry] = _load(entry)
    return _cache[entry]


def _load(entry: PluginEntry) -> LoadedPlugin | BrokenPlugin:
    if entry.name in kind_named(entry.kind).reserved:
        return BrokenPlugin(entry, f"the name {entry.name!r} is reserved; its author must choose another")
    try:
        plugin = metadata.EntryPoint(entry.name, entry.target, GROUPS[entry.kind]).load()
        if isinstance(plugin, type):
            plugin = plugin()
        fault = contract_fault(entry.kind, plugin, entry.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit while it is imported
        return BrokenPlugin(
            entry, f"loading it raised {raised(error, entry.target.partition(':')[0])}", trace_of(error)
        )
    return BrokenPlugin(entry, fault) if fault else LoadedPlugin(entry, plugin)


def contract_fault(kind: str, plugin: Any, name: str) -> str | None:
    """What in ``plugin``, registered as ``name``, breaks its contract, as far as attributes tell; or None."""
    if not hasattr(plugin, "api_version") and not hasattr(plugin, "name"):
        what = type(plugin).__name__
        return f"it is of the type {what}, which is no {kind}; register an object, or a class without arguments"
    from tlsearch.plugins.api import API_VERSION  # with NumPy, which finding plugins does without

    version = getattr(plugin, "api_version", None)
    if not isinstance(version, int) or version < 1:
        return f"its api_version is {version!r}, where a whole number of 1 or more is needed"
    if version > API_VERSION:
        return f"it needs version {version} of the plugin API and this is {API_VERSION}; upgrade tlsearch"
    if getattr(plugin, "name", None) != name:
        return f"it calls itself {getattr(plugin, 'name', None)!r} but is registered as {name!r}"
    if not isinstance(settings := getattr(plugin, "settings_id", ""), str):
        return f"its settings_id is of the type {type(settings).__name__}, not a string"
    described = kind_named(kind)
    missing = [method for method in described.methods if not callable(getattr(plugin, method, None))]
    if missing:
        return f"it has no method {' or '.join(missing)}"
    return described.validate(plugin)
