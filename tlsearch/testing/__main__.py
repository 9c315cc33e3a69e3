"""``python -m tlsearch.testing ORDER``: the checks of one plugin, a line of JSON for each result.

``ORDER`` is JSON of an ``Order``. A check that takes too long ends the process, which then writes where it was.
"""

from __future__ import annotations

import faulthandler
import json
import math
import sys
from dataclasses import asdict
from importlib import metadata
from typing import Any

from tlsearch import backend as runtime
from tlsearch.errors import PluginError
from tlsearch.plugins import registry
from tlsearch.plugins.guard import raised
from tlsearch.plugins.kinds import NAMES, kind_named
from tlsearch.plugins.registry import BrokenPlugin
from tlsearch.plugins.traces import trace_of
from tlsearch.testing.outcome import Checking, CheckResult
from tlsearch.testing.process import LOADS, MESSAGE, Order


def main(text: str) -> None:
    """Load the plugin and check it."""
    order = Order(**json.loads(text))
    if order.kind not in NAMES:
        raise SystemExit(f"there is no kind of plugin {order.kind!r}")
    if kind_named(order.kind).uses_backend:
        runtime.prepare()
    _begin(LOADS, order.limit)
    plugin = _load(order.kind, order.plugin)
    if isinstance(plugin, CheckResult):
        _say(result=asdict(plugin))
    else:
        _check(order, plugin)
    _say(end=True)


def _check(order: Order, plugin: Any) -> None:
    known = {found.name: found for found in (CheckResult(**fields) for fields in order.known)}  # type: ignore[arg-type]  # they come from asdict
    checks = kind_named(order.kind).load_checks()
    checking = Checking(checks, plugin, order.expected, known)
    for name in (name for name in checks if name not in known):
        _begin(name, order.limit)
        _say(result=asdict(checking.result(name)))
    faulthandler.cancel_dump_traceback_later()


def _begin(name: str, limit: float) -> None:
    """Say what begins, and end the process where it takes too long."""
    if limit < math.inf:
        faulthandler.dump_traceback_later(limit, exit=True)
    _say(begin=name)


def _say(**message: Any) -> None:
    print(MESSAGE + json.dumps(message), flush=True)


def _load(kind: str, plugin: str) -> Any:
    """The plugin, or the result of one that cannot be loaded."""
    if ":" in plugin:
        try:
            loaded = metadata.EntryPoint(plugin, plugin, kind_named(kind).group).load()
            return loaded() if isinstance(loaded, type) else loaded
        except Exception as error:
            detail = f"loading it raised {raised(error, plugin.partition(':')[0])}"
            return CheckResult(name=LOADS, status="failed", detail=detail, traceback=trace_of(error))
    try:
        outcome = registry.outcome_of(kind, plugin)
    except PluginError as error:
        return CheckResult(name=LOADS, status="failed", detail=str(error))
    if isinstance(outcome, BrokenPlugin):
        return CheckResult(name=LOADS, status="failed", detail=outcome.reason, traceback=outcome.traceback)
    return outcome.plugin


if __name__ == "__main__":
    main(*sys.argv[1:])
