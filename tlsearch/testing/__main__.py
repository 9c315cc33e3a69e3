"""``python -m tlsearch.testing ORDER``: the checks of one plugin, a line of JSON for each result.

``ORDER`` is JSON of an ``Order``. A check that takes too long ends the process, which then writes where it was.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
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
    report = _Report(order.limit)
    if kind_named(order.kind).uses_backend:
        runtime.prepare()
    report.begin(LOADS)
    plugin = _load(order.kind, order.plugin)
    if isinstance(plugin, CheckResult):
        report.say(result=asdict(plugin))
    else:
        _check(order, plugin, report)
    report.say(end=True)


def _check(order: Order, plugin: Any, report: _Report) -> None:
    known = {found.name: found for found in (CheckResult(**fields) for fields in order.known)}  # type: ignore[arg-type]  # they come from asdict
    checks = kind_named(order.kind).load_checks()
    checking = Checking(checks, plugin, order.expected, known)
    for name in (name for name in checks if name not in known):
        report.begin(name)
        report.say(result=asdict(checking.result(name)))
    faulthandler.cancel_dump_traceback_later()


class _Report:
    """The messages, to which standard output is left: what a plugin prints goes where errors go.

    A message behind a line that a plugin has begun, as a bar of progress does, would not be found.

    Args:
        limit: The seconds that a check may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        sys.stdout.flush()
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # of code that is not Python, too

    def begin(self, name: str) -> None:
        """Say what begins, and end the process where it takes too long."""
        if self._limit < math.inf:
            faulthandler.dump_traceback_later(self._limit, exit=True)
        self.say(begin=name)

    def say(self, **message: Any) -> None:
        """Write a message."""
        print(MESSAGE + json.dumps(message), file=self._stream, flush=True)


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
