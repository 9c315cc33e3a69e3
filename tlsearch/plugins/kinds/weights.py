"""Weights for a backbone of another package."""

from __future__ import annotations

import re
from typing import Any

from tlsearch.config_values import NAME
from tlsearch.errors import PluginError
from tlsearch.plugins.api import BACKBONE_GROUP, WEIGHTS_GROUP, NamedWeights
from tlsearch.plugins.kinds.kind import IDENTIFIER, PluginKind


def _fault(plugin: Any) -> str | None:
    backbone, _, weights = plugin.name.partition("@")
    if not re.fullmatch(NAME, backbone) or not re.fullmatch(NAME, weights):
        return (
            f"its name {plugin.name!r} is not of the form backbone@weights, each of letters, digits, points, "
            "underscores and hyphens"
        )
    empty = [name for name in ("trained_on", "licence") if not isinstance(getattr(plugin, name, None), str)]
    return f"it does not say its {' and '.join(empty)}" if empty else None


def _describe(plugin: NamedWeights) -> dict[str, Any]:
    from importlib import metadata

    backbone = plugin.name.partition("@")[0]
    if not metadata.entry_points(group=BACKBONE_GROUP, name=backbone):
        raise PluginError(f"its backbone {backbone!r} is not installed")
    return {"backbone": backbone, "trained_on": plugin.trained_on, "licence": plugin.licence}


def _without_backbone(name: str) -> str | None:
    """What to say where the backbone of new weights is not installed: nothing could load them."""
    from tlsearch.plugins.registry import find_plugins, unknown_name

    backbone, known = name.partition("@")[0], sorted({entry.name for entry in find_plugins("backbone")})
    return None if backbone in known else unknown_name("backbone", backbone, known)


KIND = PluginKind(
    name="weights",
    group=WEIGHTS_GROUP,
    contract=NamedWeights,
    summary="weights for a backbone of another package",
    usage="--backbone {name}",
    checks="tlsearch.testing.weights:CHECKS",
    validate=_fault,
    describe=_describe,
    name_pattern=rf"{IDENTIFIER}@{IDENTIFIER}",
    refuse=_without_backbone,
)
