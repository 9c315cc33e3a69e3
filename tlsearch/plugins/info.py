"""All there is to know of one plugin: for that it is loaded, and a backbone is built."""

from __future__ import annotations

from typing import Any

from tlsearch.errors import PluginError
from tlsearch.plugins import load_status
from tlsearch.plugins.kinds import kind_named
from tlsearch.plugins.registry import BrokenPlugin, PluginEntry


def describe(entry: PluginEntry) -> dict[str, Any]:
    """Facts of a plugin by name; ``status`` is "ok" or "broken", then with the ``reason``."""
    found: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "target": entry.target,
        "status": "ok",
        "reason": "",
    }
    outcome = load_status.load_and_remember(entry)
    if isinstance(outcome, BrokenPlugin):
        return {**found, "status": "broken", "reason": outcome.reason}
    found["api_version"] = outcome.plugin.api_version
    try:
        return {**found, **kind_named(entry.kind).describe(outcome.plugin)}
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        return {**found, "status": "broken", "reason": str(error)}
    except BaseException as error:  # a plugin may raise anything
        what = f"building it raised {type(error).__name__}: {' '.join(str(error).split())}"
        load_status.remember([BrokenPlugin(entry, what)])
        return {**found, "status": "broken", "reason": what}
