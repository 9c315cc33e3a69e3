"""The kinds of plugins. A new kind is a module in this package with a ``KIND``, and its name in ``NAMES``."""

from __future__ import annotations

import importlib
from functools import cache

from tlsearch.plugins.kinds.kind import PluginKind

NAMES = (
    "backbone",
    "augmentation",
    "weights",
    "metric",
    "callback",
    "reader",
)
"""Every kind by the name of its module, in the order in which people read of them."""


@cache
def kind_named(name: str) -> PluginKind:
    """The kind of that name, one of ``NAMES``; imported when it is first asked for."""
    kind: PluginKind = importlib.import_module(f"{__name__}.{name}").KIND
    return kind


def all_kinds() -> list[PluginKind]:
    """Every kind, in the order of ``NAMES``."""
    return [kind_named(name) for name in NAMES]
