"""All there is to know of one plugin: for that it is loaded, and a backbone is built."""

from __future__ import annotations

from typing import Any

from tlsearch.errors import PluginError
from tlsearch.plugins import load_status
from tlsearch.plugins.guard import raised
from tlsearch.plugins.kinds import kind_named
from tlsearch.plugins.registry import BrokenPlugin, PluginEntry


def describe(entry: PluginEntry) -> dict[str, Any]:
    """Facts of a plugin by name; ``status`` and ``reason`` are those of ``PluginState``."""
    found: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "target": entry.target,
        "status": "",
        "reason": "",
    }
    outcome = load_status.load_and_remember(entry)
    if isinstance(outcome, BrokenPlugin):
        return {**found, "status": "broken", "reason": outcome.reason}
    state = load_status.last_known([entry])[entry]
    state = load_status.LOADS if state == load_status.UNKNOWN else state  # the file of states cannot be written
    found |= {"status": state.status, "reason": state.reason, "api_version": outcome.plugin.api_version}
    try:
        return {**found, **kind_named(entry.kind).describe(outcome.plugin)}
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        return {**found, "status": "broken", "reason": str(error)}
    except BaseException as error:  # a plugin may raise anything
        what = f"building it raised {raised(error, type(outcome.plugin).__module__)}"
        load_status.remember([BrokenPlugin(entry, what)])
        return {**found, "status": "broken", "reason": what}
