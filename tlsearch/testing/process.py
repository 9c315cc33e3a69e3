"""The checks of a plugin in a process of its own, on a backend of one's choice: what hangs or crashes ends there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from tlsearch.plugins.kinds import kind_named
from tlsearch.plugins.registry import find_plugins
from tlsearch.testing.outcome import Checking, CheckResult

LIMIT = 300.0
"""The seconds that one check may take. On a processor those of the largest built-in networks take half a minute."""

LOADS = "can be loaded"
"""The name of the result of a plugin that cannot be loaded; there is none where it can."""

MESSAGE = "tlsearch check: "
"""What a line of the process begins with."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the process is asked.

    Attributes:
        kind: The kind of the plugin.
        plugin: The name of an installed plugin, or ``module:attribute`` as in an entry point.
        expected: Checks that the plugin cannot pass, with the reasons.
        limit: The seconds that a check may take.
        known: The results that there are already, as fields of ``CheckResult``.
    """

    kind: str
    plugin: str
    expected: dict[str, str]
    limit: float
    known: list[dict[str, object]]

    @property
    def module(self) -> str:
        """The module that the plugin is in; empty where it is not known."""
        if ":" in self.plugin:
            return self.plugin.partition(":")[0]
        targets = (entry.target for entry in find_plugins(self.kind) if entry.name == self.plugin)
        return next(targets, "").partition(":")[0]


def check_on_backend(
    backend: str,
    kind: str,
    plugin: str,
    expected_failures: Mapping[str, str] | None = None,
    limit: float = LIMIT,
) -> Iterator[CheckResult]:
    """Run every check in a process of its own on ``backend``, each result as it comes.

    A check during which the process ends, or that takes longer than ``limit`` seconds, has failed; those behind it run
    in another process. ``plugin`` is the name of an installed plugin, or ``module:attribute`` as in an entry point. The
    only result of one that cannot be loaded is a failed ``LOADS``.
    """
    checks, expected = kind_named(kind).load_checks(), dict(expected_failures or {})
    known: dict[str, CheckResult] = {}
    while len(known) < len(checks):
        order = Order(
            kind=kind, plugin=plugin, expected=expected, limit=limit, known=[asdict(found) for found in known.values()]
        )
        for result in _results(backend, order):
            known[result.name] = result
            yield result
        if LOADS in known:
            return
        checking = Checking(checks, None, expected, known)
        for name in (name for name in checks if name not in known):
            result_without = checking.not_run(name)
            if result_without is None:
                break
            known[name] = result_without
            yield result_without


def _results(backend: str, order: Order) -> Iterator[CheckResult]:
    """What one process finds out; where it does not come to its end the last one says so."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    begun, since, ended = LOADS, time.monotonic(), False
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "tlsearch.testing", json.dumps(asdict(order))],
            stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8", env=environment,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(MESSAGE):
                message = json.loads(line.removeprefix(MESSAGE))
                ended = message.get("end", False)
                if "begin" in message:
                    begun, since = message["begin"], time.monotonic()
                if "result" in message:
                    yield CheckResult(**message["result"])
        process.wait()
        log.seek(0)
        if not ended:
            result = _interrupted(begun, order, process.returncode, log)
            yield replace(result, seconds=round(time.monotonic() - since, 2))


def _interrupted(name: str, order: Order, code: int, log: IO[str]) -> CheckResult:
    """The result of the check during which the process ended."""
    printed = log.read()
    *_, stack = re.split(r"^Timeout \(", printed, flags=re.MULTILINE)
    if stack != printed:
        frames = _frames(stack)
        place = _own(frames, order.module)
        why = f"it took longer than {order.limit:g} s and was stopped{f' ({place})' if place else ''}"
        trace = "\n".join(["Stopped at (most recent call first):", *(f"  {line}" for line, *_ in frames)])
    else:
        last = (stack.strip().splitlines() or ["it printed nothing"])[-1]
        why, trace = f"the process ended with code {code}: {last}", ""
    if name in order.expected:
        return CheckResult(name=name, status="expected failure", detail=f"{order.expected[name]} ({why})")
    return CheckResult(name=name, status="failed", detail=why, traceback=trace)


def _frames(stack: str) -> list[tuple[str, Path, str, str]]:
    """The frames of the main thread below the kit's own: each line as it is, its file, its number and its function.

    ``faulthandler`` writes the main thread last.
    """
    found = []
    for match in re.finditer(r'File "(.+)", line (\d+) in (.+)', stack.rpartition("Thread 0x")[2]):
        file = Path(match[1])
        if file.parent == Path(__file__).parent:
            break
        found.append((match[0], file, match[2], match[3]))
    return found


def _own(frames: list[tuple[str, Path, str, str]], module: str) -> str:
    """The innermost line of the plugin's package, its file from the package's folder on; empty where there is none."""
    package = module.partition(".")[0]
    for _, file, line, function in frames:
        upwards = (file.stem, *reversed(file.parent.parts))
        if package in upwards:
            below = upwards.index(package) + 1
            return f"{'/'.join(file.parts[-below:])}:{line}, in {function}"
    return ""
