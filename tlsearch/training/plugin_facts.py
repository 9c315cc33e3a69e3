"""What the plugins say of themselves, as plain records for the parent process, which loads no plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tlsearch import plugin_states, registry
from tlsearch.plugin_api import WeightSource
from tlsearch.registry import BrokenPlugin, LoadedPlugin, origin


@dataclass(frozen=True)
class BackboneFacts:
    """What a backbone plugin says of itself. ``added`` are the names in ``weights`` that other packages bring."""

    name: str
    distribution: str
    version: str
    default_image_size: int
    min_image_size: int
    weights: Mapping[str, WeightSource]
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class PluginFacts:
    """All plugins that load, and those that do not as (kind, name, distribution, reason).

    ``augmentations`` and ``weights`` (by ``backbone@weights``) map names to distribution and version.
    """

    backbones: tuple[BackboneFacts, ...]
    augmentations: Mapping[str, str]
    broken: tuple[tuple[str, str, str, str], ...]
    weights: Mapping[str, str]


def describe_plugins(folder: Path) -> PluginFacts:
    """Load every plugin and describe it. Packages that bring weights may write files into folders in ``folder``."""
    backbones, broken = registry.load_all("backbone")
    augmentations, broken_augmentations = registry.load_all("augmentation")
    weights, broken_weights = registry.load_all("weights")
    known = {item.entry.name: _facts(item) for item in backbones}
    added: list[LoadedPlugin] = []
    for item in weights:
        backbone, _, name = item.entry.name.partition("@")
        source = _source(item, known.get(backbone), folder)
        if isinstance(source, str):
            broken_weights.append(BrokenPlugin(item.entry, source))
            continue
        facts = known[backbone]
        known[backbone] = replace(facts, weights={**facts.weights, name: source}, added=(*facts.added, name))
        added.append(item)
    broken += [*broken_augmentations, *broken_weights]
    plugin_states.remember([*backbones, *augmentations, *added, *broken])
    return PluginFacts(
        tuple(known.values()),
        {item.entry.name: origin(item.entry) for item in augmentations},
        tuple((b.entry.kind, b.entry.name, b.entry.distribution, b.reason) for b in broken),
        {item.entry.name: origin(item.entry) for item in added},
    )


def _facts(item: LoadedPlugin) -> BackboneFacts:
    entry, plugin = item.entry, item.plugin
    return BackboneFacts(
        entry.name,
        entry.distribution,
        entry.version,
        plugin.default_image_size,
        plugin.min_image_size,
        dict(plugin.weights),
    )


def _source(item: LoadedPlugin, backbone: BackboneFacts | None, folder: Path) -> WeightSource | str:
    """Where named weights are, or what is wrong with them."""
    name, _, weights = item.entry.name.partition("@")
    if backbone is None:
        return f"its backbone {name!r} is not installed or is broken"
    if weights in backbone.weights:
        return f"{name} has weights {weights!r} already; its author must choose another name"
    own = folder / f"{item.entry.distribution}-{item.entry.version}"
    try:
        own.mkdir(parents=True, exist_ok=True)
        file = item.plugin.file(own)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, and may even call sys.exit
        return f"giving its file raised {type(error).__name__}: {' '.join(str(error).split())}"
    if not isinstance(file, Path) or not file.is_file():
        return f"it gives {file!r}, where there is no file"
    return WeightSource(item.plugin.trained_on, item.plugin.licence, path=file)
