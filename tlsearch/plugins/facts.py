"""What the plugins say of themselves, as plain records.

The worker process loads every plugin and describes it. The parent process works with these records; it imports neither
a backbone, an augmentation nor weights.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlsearch.errors import PluginFailedError
from tlsearch.plugins import load_status, registry
from tlsearch.plugins.api import AugmentationHints, NamedWeights, TrainingHints, WeightSource
from tlsearch.plugins.guard import blaming
from tlsearch.plugins.kinds import NAMES
from tlsearch.plugins.provenance import plugin_digest
from tlsearch.plugins.registry import BrokenPlugin, LoadedPlugin, PluginEntry, origin
from tlsearch.plugins.trained import store as trained_weights


@dataclass(frozen=True, kw_only=True)
class BackboneFacts:
    """What a backbone plugin says of itself.

    ``title`` is its name as people write it, empty where it gives none. ``work`` is the operations an image of the
    default size, None where it does not say. ``weights_hint`` says how its weights come to this machine, empty where it
    does not. ``trained`` are the weights that ``tlsearch pretrain`` made for it, here or on another machine; they take
    part in a run where they are named.
    """

    name: str
    distribution: str
    version: str
    default_image_size: int
    min_image_size: int
    weights: Mapping[str, WeightSource]
    hints: TrainingHints = field(default_factory=TrainingHints)
    title: str = ""
    work: float | None = None
    weights_hint: str = ""
    trained: Mapping[str, WeightSource] = field(default_factory=dict)

    @property
    def sources(self) -> dict[str, WeightSource]:
        """All its weights by name: its own first, and before trained ones of the same name."""
        others = {name: source for name, source in self.trained.items() if name not in self.weights}
        return {**self.weights, **others}

    def trained_on(self, weights: str | None) -> str:
        """What ``weights`` were trained on, as their author or their provenance says; empty for a user's own file."""
        source = self.sources.get(weights) if weights is not None else None
        return source.trained_on if source is not None else ""


@dataclass(frozen=True, kw_only=True)
class PluginFacts:
    """All installed plugins.

    Attributes:
        usable: Those that keep their contract.
        broken: Those that do not, with the reason.
        backbones: What the usable backbones say of themselves.
        augmentation_hints: The hints of those augmentations that give any, by name.
        settings: A digest of the ``settings_id`` of those plugins that have one, by name.
        sources: A hash of the source of every usable plugin, by name; of one name in two kinds that of the first kind.
    """

    usable: tuple[PluginEntry, ...]
    broken: tuple[BrokenPlugin, ...] = ()
    backbones: tuple[BackboneFacts, ...] = ()
    augmentation_hints: Mapping[str, AugmentationHints] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, str]:
        """The usable plugins of a kind: "distribution version" by name."""
        return {entry.name: origin(entry) for entry in self.usable if entry.kind == kind}

    def fault(self, kind: str, name: str) -> BrokenPlugin | None:
        """The broken plugin of that kind and name, if there is one."""
        return next((b for b in self.broken if (b.entry.kind, b.entry.name) == (kind, name)), None)

    def added(self, backbone: str) -> list[str]:
        """The names of the weights that other packages bring for a backbone."""
        return [name.partition("@")[2] for name in self.of("weights") if name.partition("@")[0] == backbone]

    def versions(self) -> dict[str, str]:
        """Give "distribution version" of every usable plugin, by name.

        Of one name in two kinds it is that of the first kind.
        """
        return {entry.name: origin(entry) for entry in reversed(self.usable)}

    def with_settings(self, versions: Mapping[str, str]) -> dict[str, str]:
        """Give plugins by name with their versions, and their settings behind those where they have any."""
        return {
            name: f"{text}, settings {self.settings[name]}" if name in self.settings else text
            for name, text in versions.items()
        }


def describe_plugins() -> PluginFacts:
    """Load every plugin and describe it."""
    usable, broken = list[LoadedPlugin](), list[BrokenPlugin]()
    for name in NAMES:
        found, faulty = registry.load_all(name)
        usable += found
        broken += faulty
    load_status.remember([*usable, *broken])
    backbones = {item.entry.name: _facts(item) for item in usable if item.entry.kind == "backbone"}
    misplaced = [BrokenPlugin(item.entry, fault) for item in usable if (fault := _misplaced(item.entry, backbones))]
    apart = {fault.entry for fault in misplaced}
    hints = {i.entry.name: getattr(i.plugin, "hints", None) for i in usable if i.entry.kind == "augmentation"}
    return PluginFacts(
        usable=tuple(item.entry for item in usable if item.entry not in apart),
        broken=(*broken, *misplaced),
        backbones=tuple(backbones.values()),
        augmentation_hints={name: hint for name, hint in hints.items() if hint is not None},
        settings={item.entry.name: digest for item in reversed(usable) if (digest := _settings_digest(item.plugin))},
        sources={item.entry.name: plugin_digest(item.plugin) for item in reversed(usable)},
    )


def _settings_digest(plugin: object) -> str:
    settings: str = getattr(plugin, "settings_id", "")
    return hashlib.sha256(settings.encode()).hexdigest()[:12] if settings else ""


def weights_file(name: str, folder: Path) -> Path:
    """The file of the weights ``name`` ("vgg16@hed") that a package brings.

    What it writes goes into a folder of its own in ``folder``, which holds all of it or is not there; another version
    of the package, or an edited one, writes anew, and so does another plugin of the package. Raises
    ``PluginFailedError``.
    """
    entry = next(entry for entry in registry.find_plugins("weights") if entry.name == name)
    plugin: NamedWeights = registry.load_plugin("weights", name)
    own = folder / f"{entry.distribution}-{entry.version}-{plugin_digest(plugin)}-{entry.name}"
    with blaming("weights", plugin):
        file = plugin.file(own) if own.is_dir() else _first_file(plugin, own)
    if not isinstance(file, Path) or not file.is_file():
        fault = "where there is no file" if isinstance(file, Path | None) else "which is no pathlib.Path"
        raise PluginFailedError(f"The weights plugin '{name}' gives {file!r}, {fault}.", plugin=f"weights {name}")
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
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        default_image_size=plugin.default_image_size,
        min_image_size=plugin.min_image_size,
        weights=dict(plugin.weights),
        hints=getattr(plugin, "hints", None) or TrainingHints(),
        title=getattr(plugin, "title", ""),
        work=getattr(plugin, "work", None),
        weights_hint=getattr(plugin, "weights_hint", ""),
        trained=trained_weights.sources_for(entry.name),
    )


def _misplaced(entry: PluginEntry, backbones: Mapping[str, BackboneFacts]) -> str:
    """Why named weights have no place among those of their backbone; empty where they have, and for other kinds."""
    if entry.kind != "weights":
        return ""
    name, _, weights = entry.name.partition("@")
    if name not in backbones:
        return f"its backbone {name!r} is not installed or is broken"
    if weights in backbones[name].weights:
        return f"{name} has weights {weights!r} already; its author must choose another name"
    return ""
