"""The kit without pytest: all checks of a plugin."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from tlsearch.plugins.kinds import kind_named
from tlsearch.testing.outcome import CheckResult, run_checks

BACKENDS = ("tensorflow", "jax", "torch")
"""What Keras can run on."""


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
