"""The kinds of plugins. A new kind is a module in this package with a ``KIND``, and its line in ``GROUPS``."""

from __future__ import annotations

import importlib
from functools import cache

from tlsearch.plugins.kinds.kind import PluginKind

GROUPS = {
    "backbone": "tlsearch.backbones",
    "augmentation": "tlsearch.augmentations",
    "weights": "tlsearch.weights",
    "metric": "tlsearch.metrics",
    "callback": "tlsearch.callbacks",
    "reader": "tlsearch.readers",
}
"""The entry-point group of every kind by the name of its module, in the order in which people read of them.

They stand here so that plugins are found without importing a kind: modules of kinds import NumPy.
"""

ESSENTIAL = frozenset({"metric", "reader"})
"""What tlsearch itself brings of these kinds is never switched off: every run needs a metric and a reader."""

NAMES = tuple(GROUPS)
"""The name of every kind."""


@cache
def kind_named(name: str) -> PluginKind:
    """The kind of that name, one of ``NAMES``; imported when it is first asked for."""
    kind: PluginKind = importlib.import_module(f"{__name__}.{name}").KIND
    return kind
