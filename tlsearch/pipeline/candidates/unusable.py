"""Installed plugins that a run would use by itself and cannot: the plan names each with the reason."""

from __future__ import annotations

from collections import Counter

from tlsearch.config import RunConfig
from tlsearch.config_values import ALL
from tlsearch.plugins.facts import PluginFacts
from tlsearch.results.schema import LeftOut


def unusable_plugins(config: RunConfig, plugins: PluginFacts) -> list[LeftOut]:
    """Say which plugins are left out because they are broken, or because two have one name.

    Those of a kind of which the user has named some are nobody's loss. A metric that cannot be used is an error where
    it is wanted, and of callbacks a warning tells.
    """
    networks = not set(config.backbones) - {ALL}
    wanted = {"backbone": networks, "weights": networks, "augmentation": not config.augment, "reader": True}
    claims = Counter((broken.entry.kind, broken.entry.name) for broken in plugins.broken)
    found = []
    for broken in plugins.broken:
        kind, name = broken.entry.kind, broken.entry.name
        if wanted.get(kind, False):
            label = f"the {kind} {name}" if kind in ("augmentation", "reader") else name
            whose = "" if claims[kind, name] > 1 else f"the plugin of {broken.entry.distribution} is broken: "
            found.append(LeftOut(label, f"{whose}{broken.reason}"))
    return list(dict.fromkeys(found))
