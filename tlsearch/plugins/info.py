"""All there is to know of one plugin: for that it is loaded, and a backbone is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlsearch.errors import PluginError, WeightsError
from tlsearch.plugins import load_status as plugin_states
from tlsearch.plugins import registry, weights
from tlsearch.plugins.api import Backbone
from tlsearch.plugins.registry import PluginEntry


def describe(entry: PluginEntry) -> dict[str, Any]:
    """Facts of a plugin by name; ``status`` is "ok" or "broken", then with the ``reason``."""
    found: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "target": entry.target,
        "status": "ok",
        "reason": "",
    }
    outcome = plugin_states.note(entry)
    if isinstance(outcome, registry.BrokenPlugin):
        return {**found, "status": "broken", "reason": outcome.reason}
    found["api_version"] = outcome.plugin.api_version
    try:
        return {**found, **_DETAILS[entry.kind](outcome.plugin)}
    except KeyboardInterrupt:
        raise
    except PluginError as error:
        return {**found, "status": "broken", "reason": str(error)}
    except BaseException as error:  # a plugin may raise anything
        what = f"building it raised {type(error).__name__}: {' '.join(str(error).split())}"
        plugin_states.remember([registry.BrokenPlugin(entry, what)])
        return {**found, "status": "broken", "reason": what}


def _of_backbone(plugin: Backbone) -> dict[str, Any]:
    from tlsearch import backend as runtime

    runtime.prepare()
    model = plugin.build(plugin.default_image_size, None)
    cuts = plugin.cut_points(model)
    return {
        "default_image_size": plugin.default_image_size,
        "min_image_size": plugin.min_image_size,
        "parameters": model.count_params(),
        "weights": [_weights(plugin.name, name, source) for name, source in plugin.weights.items()],
        "cut_points": [
            {
                "name": cut.name,
                "layer": cut.layer if cut.layer != cut.name else "",
                "shape": list(model.get_layer(cut.layer).output.shape[1:]),
                "stage_end": cut.stage_end,
            }
            for cut in cuts
        ],
    }


def _weights(backbone: str, name: str, source: Any) -> dict[str, Any]:
    try:
        resolved = weights.resolve(backbone, name, source)
        where = str(resolved.file) if resolved.file else f"not here; `tlsearch weights fetch {backbone}@{name}`"
    except WeightsError as error:
        where = str(error)
    return {"name": name, "trained_on": source.trained_on, "licence": source.licence, "file": where}


def _of_augmentation(plugin: Any) -> dict[str, Any]:
    return {"about": next(iter((type(plugin).__doc__ or "").strip().splitlines()), "")}


def _of_weights(plugin: Any) -> dict[str, Any]:
    backbone = plugin.name.partition("@")[0]
    known = {entry.name for entry in registry.find_plugins("backbone")}
    if backbone not in known:
        raise PluginError(f"its backbone {backbone!r} is not installed")
    return {"backbone": backbone, "trained_on": plugin.trained_on, "licence": plugin.licence}


_DETAILS: Mapping[str, Any] = {
    "backbone": _of_backbone,
    "augmentation": _of_augmentation,
    "weights": _of_weights,
}
