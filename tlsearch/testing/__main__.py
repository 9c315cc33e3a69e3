"""``python -m tlsearch.testing KIND PLUGIN EXPECTED``: the checks of one plugin, a line of JSON for each result."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import metadata
from typing import Any

from tlsearch import backend as runtime
from tlsearch.plugins import registry
from tlsearch.plugins.kinds import NAMES, kind_named
from tlsearch.testing.kit import RESULT
from tlsearch.testing.outcome import run_check


def main(kind: str, plugin: str, expected: str) -> None:
    """Load the plugin and check it."""
    if kind not in NAMES:
        raise SystemExit(f"there is no kind of plugin {kind!r}")
    runtime.prepare()
    loaded = _load(kind, plugin)
    for name, check in kind_named(kind).load_checks().items():
        result = run_check(name, check, loaded, json.loads(expected))
        print(RESULT + json.dumps(asdict(result)), flush=True)


def _load(kind: str, plugin: str) -> Any:
    if ":" not in plugin:
        return registry.load_plugin(kind, plugin)
    loaded = metadata.EntryPoint(plugin, plugin, kind_named(kind).group).load()
    return loaded() if isinstance(loaded, type) else loaded


if __name__ == "__main__":
    main(*sys.argv[1:])
