"""What the plugins say of themselves, as plain records for the parent process, which loads no plugin."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlsearch.errors import PluginFailedError
from tlsearch.features.prefix import plugin_digest
from tlsearch.plugins import load_status as plugin_states
from tlsearch.plugins import registry
from tlsearch.plugins.api import AugmentationHints, NamedWeights, TrainingHints, WeightSource
from tlsearch.plugins.guard import blaming
from tlsearch.plugins.registry import BrokenPlugin, LoadedPlugin, origin


@dataclass(frozen=True)
class BackboneFacts:
    """What a backbone plugin says of itself."""

    name: str
    distribution: str
    version: str
    default_image_size: int
    min_image_size: int
    weights: Mapping[str, WeightSource]
    hints: TrainingHints = field(default_factory=TrainingHints)


@dataclass(frozen=True)
class PluginFacts:
    """All plugins that load, and those that do not as (kind, name, distribution, reason).

    ``augmentations``, and ``weights`` of packages of their own (by ``backbone@weights``), map names to distribution and
    version. ``augmentation_hints`` has the hints of those augmentations that give any.
    """

    backbones: tuple[BackboneFacts, ...]
    augmentations: Mapping[str, str]
    broken: tuple[tuple[str, str, str, str], ...]
    weights: Mapping[str, str]
    augmentation_hints: Mapping[str, AugmentationHints] = field(default_factory=dict)

    def added(self, backbone: str) -> list[str]:
        """The names of the weights that other packages bring for a backbone."""
        return [name.partition("@")[2] for name in self.weights if name.partition("@")[0] == backbone]


def describe_plugins() -> PluginFacts:
    """Load every plugin and describe it."""
    backbones, broken = registry.load_all("backbone")
    augmentations, broken_augmentations = registry.load_all("augmentation")
    weights, broken_weights = registry.load_all("weights")
    broken += [*broken_augmentations, *broken_weights]
    plugin_states.remember([*backbones, *augmentations, *weights, *broken])
    known = {item.entry.name: _facts(item) for item in backbones}
    misplaced = [BrokenPlugin(item.entry, fault) for item in weights if (fault := _misplaced(item, known))]
    apart = {fault.entry for fault in misplaced}
    return PluginFacts(
        tuple(known.values()),
        {item.entry.name: origin(item.entry) for item in augmentations},
        tuple((b.entry.kind, b.entry.name, b.entry.distribution, b.reason) for b in [*broken, *misplaced]),
        {item.entry.name: origin(item.entry) for item in weights if item.entry not in apart},
        {i.entry.name: i.plugin.hints for i in augmentations if getattr(i.plugin, "hints", None) is not None},
    )


def weights_file(name: str, folder: Path) -> Path:
    """The file of the weights ``name`` ("vgg16@hed") that a package brings.

    What it writes goes into a folder of its own in ``folder``, which holds all of it or is not there; another version
    of the package, or an edited one, writes anew. Raises ``PluginFailedError``.
    """
    entry = next(entry for entry in registry.find_plugins("weights") if entry.name == name)
    plugin: NamedWeights = registry.load_plugin("weights", name)
    own = folder / f"{entry.distribution}-{entry.version}-{plugin_digest(plugin)}"
    with blaming("weights", name):
        file = plugin.file(own) if own.is_dir() else _first_file(plugin, own)
    if not isinstance(file, Path) or not file.is_file():
        raise PluginFailedError(
            f"The weights plugin '{name}' gives {file!r}, where there is no file.", plugin=f"weights {name}"
        )
    return file


def _first_file(plugin: NamedWeights, own: Path) -> Path:
    own.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=own.parent))
    try:
        file = plugin.file(temporary)
        if isinstance(file, Path) and file.is_relative_to(temporary):
            with suppress(OSError):  # another process has been quicker
                temporary.rename(own)
            file = own / file.relative_to(temporary)
        return file
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _facts(item: LoadedPlugin) -> BackboneFacts:
    entry, plugin = item.entry, item.plugin
    return BackboneFacts(
        entry.name,
        entry.distribution,
        entry.version,
        plugin.default_image_size,
        plugin.min_image_size,
        dict(plugin.weights),
        getattr(plugin, "hints", None) or TrainingHints(),
    )


def _misplaced(item: LoadedPlugin, known: Mapping[str, BackboneFacts]) -> str:
    """Why named weights have no place among those of their backbone; empty where they have."""
    name, _, weights = item.entry.name.partition("@")
    if name not in known:
        return f"its backbone {name!r} is not installed or is broken"
    if weights in known[name].weights:
        return f"{name} has weights {weights!r} already; its author must choose another name"
    return ""


def all_versions(plugins: PluginFacts) -> dict[str, str]:
    """ "distribution version" of every plugin, by name."""
    known = {b.name: f"{b.distribution} {b.version}" for b in plugins.backbones}
    known.update(plugins.augmentations)
    known.update(plugins.weights)
    return known
