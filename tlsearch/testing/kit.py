"""The kit without pytest: all checks of a plugin, here or on another Keras backend."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from tlsearch.plugins.kinds import kind_named
from tlsearch.testing.outcome import CheckResult, run_checks

BACKENDS = ("tensorflow", "jax", "torch")
"""What Keras can run on."""


RESULT = "tlsearch check: "
"""What a line with a result begins with; plugins may print what they like."""


def check_plugin(kind: str, plugin: Any, expected_failures: Mapping[str, str] | None = None) -> list[CheckResult]:
    """Run every check of a plugin on Keras' current backend.

    Args:
        kind: What the plugin is, such as "backbone".
        plugin: The plugin.
        expected_failures: Names of checks with the reason why the plugin cannot pass them; such a check counts as
            failed where it passes.

    Raises:
        ValueError: An expected failure names no check.
    """
    return run_checks(kind_named(kind).load_checks(), plugin, expected_failures)


def installed_backends() -> list[str]:
    """The backends of Keras that are installed."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def check_on_backend(
    backend: str, kind: str, plugin: str, expected_failures: Mapping[str, str] | None = None
) -> Iterator[CheckResult]:
    """Run every check in a process of its own on ``backend``, each result as it comes.

    ``plugin`` is the name of an installed plugin, or ``module:attribute`` as in an entry point. A process that ends
    before its last check is a failed check itself.
    """
    arguments = [kind, plugin, json.dumps(dict(expected_failures or {}))]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    count = 0
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "tlsearch.testing", *arguments],
            stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(RESULT):
                count += 1
                yield CheckResult(**json.loads(line.removeprefix(RESULT)))
        process.wait()
        log.seek(0)
        last = (log.read().strip().splitlines() or ["it printed nothing"])[-1]
    if count < len(kind_named(kind).load_checks()):
        yield CheckResult("runs to the end", "failed", f"the process ended with code {process.returncode}: {last}")


def target_of(plugin: Any) -> str:
    """``module:attribute`` of a plugin's class. Raises ``ValueError`` where another process could not make it so."""
    kind = type(plugin)
    try:
        same = _settings(kind()) == _settings(plugin)
    except TypeError:  # it wants arguments
        same = False
    if not same:
        raise ValueError(f"{kind.__qualname__}() makes another plugin than this one")
    if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
        raise ValueError(f"{kind.__qualname__} is not at the top of a module that another process can import")
    return f"{kind.__module__}:{kind.__qualname__}"


def _settings(plugin: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(plugin).items() if isinstance(value, int | float | str | tuple)}
