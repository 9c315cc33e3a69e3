"""Which backbones with which weights were asked for: by name, by a pattern, or all where none was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tlsearch.config import RunConfig
from tlsearch.config_values import ALL, is_pattern
from tlsearch.errors import PluginError, WeightsError
from tlsearch.plugins import weights
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.registry import unknown_name
from tlsearch.plugins.trained import store as trained_weights
from tlsearch.results.schema import LeftOut
from tlsearch.utils.texts import choose_plugin, hint


@dataclass(frozen=True)
class WantedCandidate:
    """A backbone with a name of weights.

    ``named`` by the user, who must be told when it is unavailable; or ``by_default``, where no network was asked for;
    or neither: one of those for which a pattern stands.
    """

    backbone: BackboneFacts
    weights: str
    named: bool
    by_default: bool = False

    @property
    def label(self) -> str:
        """What ``tlsearch weights fetch`` knows them by: the name of the backbone alone means its first weights."""
        name = self.backbone.name
        return name if self.weights in list(self.backbone.weights)[:1] else f"{name}@{self.weights}"


def wanted_candidates(
    config: RunConfig, known: dict[str, BackboneFacts], plugins: PluginFacts, own: set[tuple[str, str]]
) -> list[WantedCandidate]:
    """What is asked for besides files.

    A backbone for which the user gave files means those files, and the weights that other packages bring for it.
    """
    files: dict[str, list[str]] = {}
    for backbone_name, name in sorted(own):
        files.setdefault(backbone_name, []).append(name)
    if not config.backbones:
        return [
            WantedCandidate(b, name, named=False, by_default=True)
            for b in known.values()
            for name in dict.fromkeys((*([] if b.name in files else list(b.weights)[:1]), *plugins.added(b.name)))
            if name not in files.get(b.name, [])
        ]
    candidates = []
    for text in config.backbones:
        name, _, wanted = text.partition("@")
        if is_pattern(name):
            candidates += _matching(text, known, plugins, files)
            continue
        backbone = named_backbone(known, plugins, name)
        if wanted in files.get(name, []) or (not wanted and name in files):
            continue
        _raise_if_broken(plugins, "weights", text)
        chosen = _named_weights(backbone, wanted, plugins, files.get(name, []))
        candidates.append(WantedCandidate(backbone, chosen, named=True))
    once: dict[tuple[str, str], WantedCandidate] = {}
    for candidate in candidates:
        key = candidate.backbone.name, candidate.weights
        if candidate.named or key not in once:
            once[key] = candidate
    return list(once.values())


def _named_weights(backbone: BackboneFacts, wanted: str, plugins: PluginFacts, files: list[str]) -> str:
    """The weights that were named, or the backbone's first where none were. Raises ``WeightsError`` where it has none.

    Trained weights are taken only where they are named: what a run does must not depend on what somebody trained.
    """
    name = backbone.name
    brought = [*backbone.weights, *plugins.added(name)]
    known = list(dict.fromkeys([*brought, *backbone.trained]))
    if wanted in known:
        return wanted
    if brought and not wanted:
        return brought[0]
    if wanted and trained_weights.is_taken(f"{name}@{wanted}"):
        raise WeightsError(
            f"The trained weights {name}@{wanted} are damaged: remove them with `tlsearch weights remove "
            f"{name}@{wanted}`, and train or import them anew."
        )
    if known and wanted:
        raise weights.no_weights(name, wanted, [*known, *files])
    raise WeightsError(weights.brings_none(name, backbone.weights_hint, known))


def _matching(
    text: str, known: dict[str, BackboneFacts], plugins: PluginFacts, files: dict[str, list[str]]
) -> list[WantedCandidate]:
    """What a pattern such as ``efficientnet*``, or ``all``, stands for besides files. Raises where that is nothing."""
    pattern, _, wanted = text.partition("@")
    matching = _called_like(pattern, known)
    if not matching:
        begin = re.split(r"[*?\[]", pattern)[0]
        families = {f"{name[: len(begin)]}*" for name in known}
        raise PluginError(
            f"No backbone is called like {pattern!r}: {hint(f'{begin}*', families, choose_plugin(sorted(known)))}"
        )
    candidates = []
    for backbone in matching:
        own = [] if backbone.name in files else list(backbone.weights)[:1]
        names = [wanted] if wanted else [*own, *plugins.added(backbone.name)]
        there = {*backbone.sources, *plugins.added(backbone.name)} - set(files.get(backbone.name, []))
        candidates += [WantedCandidate(backbone, name, named=False) for name in names if name in there]
    if not candidates and not any(backbone.name in files for backbone in matching):
        raise WeightsError(
            f"No backbone called like {pattern!r} brings weights{f' {wanted!r}' if wanted else ''}: "
            f"`tlsearch weights list` shows those that there are, and how others get some."
        )
    return candidates


def _called_like(pattern: str, known: dict[str, BackboneFacts]) -> list[BackboneFacts]:
    return [b for b in known.values() if pattern == ALL or fnmatchcase(b.name, pattern)]


def without_weights(
    config: RunConfig, known: dict[str, BackboneFacts], candidates: Iterable[WantedCandidate], own: set[tuple[str, str]]
) -> list[LeftOut]:
    """Say which networks a pattern of the user stands for that have no weights; ``own`` are those with his files."""
    found: dict[str, str] = {}
    there = {candidate.backbone.name for candidate in candidates} | {name for name, _ in own}
    for text in filter(is_pattern, config.backbones):
        pattern, _, wanted = text.partition("@")
        lacks = f"there are no weights {wanted!r}" if wanted else "there are no weights"
        others = [b for b in _called_like(pattern, known) if b.name not in there]
        found |= {b.name: f"{lacks}; {b.weights_hint or '--weights BACKBONE=FILE gives it some'}" for b in others}
    return [LeftOut(name, reason) for name, reason in found.items()]


def named_backbone(known: dict[str, BackboneFacts], plugins: PluginFacts, name: str) -> BackboneFacts:
    """Give the backbone of that name. Raises ``PluginError`` where there is none, or where it is broken."""
    if name in known:
        return known[name]
    _raise_if_broken(plugins, "backbone", name)
    raise PluginError(unknown_name("backbone", name, sorted(known)))


def _raise_if_broken(plugins: PluginFacts, kind: str, name: str) -> None:
    if (broken := plugins.fault(kind, name)) is not None:
        raise PluginError(f"The {kind} {name!r} of {broken.entry.distribution} cannot be used: {broken.reason}.")
