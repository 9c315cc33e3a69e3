"""Which pre-trained networks take part: plugins and weights, resolved before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlsearch.config import RunConfig
from tlsearch.config_values import parse_weights
from tlsearch.errors import PluginError, PluginFailedError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.plugins import weights
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.results.schema import LeftOut, PlannedCandidate
from tlsearch.types import Candidate
from tlsearch.utils.texts import choose_plugin, hint
from tlsearch.utils.units import short_duration

MakeFile = Callable[[str], Path]
"""Gives the file of weights, "vgg16@hed", that a package of their own brings; raises ``PluginFailedError``."""

PACKED_SHARE = 0.03
"""Share of the time limit that a further network may take before the search, if it is there only because its weights
come with a package. A short run is then as fast as with one network."""

PREPARATION_SECONDS = 16.0
"""Building, compiling and timing a network and fitting its probes, about: EfficientNet-Lite0."""


@dataclass(frozen=True)
class AvailableCandidate:
    """A backbone with weights that are on this machine, or can be downloaded."""

    backbone: BackboneFacts
    weights: ResolvedWeights

    @property
    def is_packed(self) -> bool:
        """Whether its weights came with a package: then nobody chose them for this run."""
        return self.weights.source is not None and self.weights.source.path is not None

    @property
    def order(self) -> float:
        """Sorts candidates: first packed ones by the work that they say, for by one of them others are judged."""
        return self.backbone.work if self.is_packed and self.backbone.work is not None else math.inf

    def pace(self, size: int, forward_seconds: float) -> float | None:
        """Seconds an operation where an image of ``size`` pixels takes ``forward_seconds``; None if not packed."""
        work = self._packed_work(size)
        return None if work is None else forward_seconds / work

    def takes_too_long(self, size: int, pace: float, images: int, limit: float) -> bool:
        """Whether a packed network would take more than its share of the time before the search begins.

        It is so for preparation and a first view of all ``images``, with ``pace`` seconds an operation.
        """
        work = self._packed_work(size)
        return work is not None and PREPARATION_SECONDS + images * work * pace > PACKED_SHARE * limit

    def _packed_work(self, size: int) -> float | None:
        """Operations an image of ``size`` pixels, of a packed network that says its work."""
        work = self.backbone.work if self.is_packed else None
        return None if work is None else work * (size / self.backbone.default_image_size) ** 2


@dataclass(frozen=True)
class WantedCandidate:
    """A backbone with a name of weights; ``named`` by the user, who must be told when it is unavailable."""

    backbone: BackboneFacts
    weights: str
    named: bool


def find_candidates(
    config: RunConfig, plugins: PluginFacts, callbacks: CallbackList, make_file: MakeFile, *, download: bool = True
) -> tuple[list[AvailableCandidate], list[LeftOut]]:
    """The candidates of a run and the backbones left out with the reason.

    Raises ``PluginError`` or ``WeightsError`` where something that the user named is unavailable, and where nothing
    is left.
    """
    known = {b.name: b for b in plugins.backbones}
    found = _from_files(config, known, plugins)
    left_out = [
        LeftOut(broken.entry.name, f"the plugin of {broken.entry.distribution} is broken: {broken.reason}")
        for broken in plugins.broken
        if broken.entry.kind in ("backbone", "weights") and not config.backbones
    ]
    missing = []
    for wanted in _wanted_candidates(config, known, plugins, {(f.backbone.name, f.weights.name) for f in found}):
        backbone = wanted.backbone
        if wanted.weights in plugins.added(backbone.name):
            try:
                file = make_file(f"{backbone.name}@{wanted.weights}")
                found.append(AvailableCandidate(backbone, weights.from_file(wanted.weights, file)))
            except PluginFailedError as error:
                left_out.append(_without(wanted, plugins, error))
            continue
        try:
            resolved = weights.resolve(backbone.name, wanted.weights, backbone.weights[wanted.weights])
        except WeightsError as error:
            if wanted.named:
                raise
            left_out.append(LeftOut(backbone.name, str(error)))
            continue
        if resolved.needs_download:
            missing.append((wanted, resolved))
        else:
            found.append(AvailableCandidate(backbone, resolved))
    if missing:
        fetched, absent = _download(missing, callbacks) if download else ([], _not_downloaded(missing))
        found += fetched
        left_out += absent
    if not found:
        raise _nothing_left(missing, download, plugins)
    return found, left_out


def _without(wanted: WantedCandidate, plugins: PluginFacts, error: PluginFailedError) -> LeftOut:
    """What to say of weights whose package fails. Raises ``PluginError`` where the user named them."""
    label = f"{wanted.backbone.name}@{wanted.weights}"
    reason = f"its package {plugins.of('weights')[label]} fails: {str(error).rstrip('.')}"
    if wanted.named:
        raise PluginError(f"{label} cannot be used: {reason}.") from error
    return LeftOut(label, reason)


def not_in_time(item: AvailableCandidate, limit: float) -> LeftOut:
    """What to say of a packed network for which the time of the run is too short."""
    name, allowed = item.backbone.name, short_duration(PACKED_SHARE * limit)
    return LeftOut(name, f"it would take longer than {allowed} before the search; `--backbone {name}` tries it")


def planned(candidates: Iterable[Candidate], config: RunConfig, plugins: PluginFacts) -> tuple[PlannedCandidate, ...]:
    """What the report says of those that took part. What a user's own file was trained on is not known."""
    own = {(backbone, name) for backbone, name, _ in map(parse_weights, config.weights)}
    known = {b.name: b for b in plugins.backbones}
    found = []
    for candidate in candidates:
        facts = known[candidate.backbone]
        is_own = (candidate.backbone, candidate.weights) in own
        trained_on = "" if is_own else facts.trained_on(candidate.weights)
        found.append(PlannedCandidate.of(candidate, facts.title, trained_on))
    return tuple(found)


def _from_files(config: RunConfig, known: dict[str, BackboneFacts], plugins: PluginFacts) -> list[AvailableCandidate]:
    """The candidates for which the user gave files."""
    files: dict[tuple[str, str], AvailableCandidate] = {}
    for backbone, name, file in map(parse_weights, config.weights):
        if (backbone, name) in files:
            raise WeightsError(
                f"Two files are given for {backbone}@{name}: tell them apart with --weights {backbone}@NAME=FILE."
            )
        files[backbone, name] = AvailableCandidate(_named(known, plugins, backbone), weights.from_file(name, file))
    return list(files.values())


def _nothing_left(
    missing: Sequence[tuple[WantedCandidate, ResolvedWeights]], download: bool, plugins: PluginFacts
) -> WeightsError:
    names = " ".join(wanted.backbone.name for wanted, _ in missing)
    if not download and names:
        return WeightsError(
            f"A dry run downloads no weights, and there are none on this machine: run "
            f"`tlsearch weights fetch {names}` first."
        )
    packed = next((b for b in plugins.backbones if any(source.path for source in b.weights.values())), None)
    remedy = "install a plugin whose weights come with its package"
    if packed is not None:
        remedy = f"reinstall {packed.distribution}, which brings {packed.name}"
    return WeightsError(
        f"No backbone has weights on this machine: {remedy}, or give a file with --weights BACKBONE=FILE."
    )


def _named(known: dict[str, BackboneFacts], plugins: PluginFacts, name: str) -> BackboneFacts:
    if name in known:
        return known[name]
    _raise_if_broken(plugins, "backbone", name)
    raise PluginError(f"There is no backbone {name!r}: {hint(name, known, choose_plugin(sorted(known)))}")


def _raise_if_broken(plugins: PluginFacts, kind: str, name: str) -> None:
    if (broken := plugins.fault(kind, name)) is not None:
        raise PluginError(f"The {kind} {name!r} of {broken.entry.distribution} cannot be used: {broken.reason}.")


def _wanted_candidates(
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
            WantedCandidate(b, name, named=False)
            for b in known.values()
            for name in dict.fromkeys((*([] if b.name in files else list(b.weights)[:1]), *plugins.added(b.name)))
            if name not in files.get(b.name, [])
        ]
    candidates = []
    for text in config.backbones:
        name, _, wanted = text.partition("@")
        backbone = _named(known, plugins, name)
        if wanted in files.get(name, []) or (not wanted and name in files):
            continue
        _raise_if_broken(plugins, "weights", text)
        known_names = [*backbone.weights, *plugins.added(name)]
        if not known_names:
            raise WeightsError(f"The backbone {name!r} brings no weights: give a file with --weights {name}=FILE.")
        wanted = wanted or known_names[0]
        if wanted not in known_names:
            raise weights.no_weights(name, wanted, [*known_names, *files.get(name, [])])
        candidates.append(WantedCandidate(backbone, wanted, named=True))
    return candidates


def _show_download(callbacks: CallbackList, label: str, done: int, total: int) -> None:
    callbacks.on_progress("plan", done, total, f"downloading {label}")


def _unreachable(missing: Sequence[tuple[WantedCandidate, ResolvedWeights]]) -> list[LeftOut]:
    """What to say of weights where no host of theirs answers; nothing where one does. Raises for what was named."""
    sources = [w.source for _, w in missing if w.source is not None]
    if weights.reachable(weights.hosts_of(sources)):
        return []
    named = [r.backbone.name for r, _ in missing if r.named]
    if named:
        raise WeightsError(f"{', '.join(named)}: {weights.missing_reason(named)}.")
    return [LeftOut(r.backbone.name, weights.missing_reason([r.backbone.name])) for r, _ in missing]


def _not_downloaded(missing: Sequence[tuple[WantedCandidate, ResolvedWeights]]) -> list[LeftOut]:
    """What a run would download."""
    return _unreachable(missing) or [_would_be_downloaded(wanted, resolved) for wanted, resolved in missing]


def _would_be_downloaded(wanted: WantedCandidate, resolved: ResolvedWeights) -> LeftOut:
    megabytes = resolved.source.megabytes if resolved.source else 0
    return LeftOut(wanted.backbone.name, f"would be downloaded ({megabytes:.0f} MB)")


def _download(
    missing: Sequence[tuple[WantedCandidate, ResolvedWeights]], callbacks: CallbackList
) -> tuple[list[AvailableCandidate], list[LeftOut]]:
    """Download what can be, after one probe of the hosts for all of them together."""
    if unreachable := _unreachable(missing):
        return [], unreachable
    found, left_out = [], []
    for wanted, resolved in missing:
        source = resolved.source
        if source is None:
            left_out.append(_would_be_downloaded(wanted, resolved))
            continue
        label = f"{wanted.backbone.name}@{wanted.weights}"
        callbacks.on_step("plan", f"downloading {label}, {source.megabytes or 0:.0f} MB")
        try:
            file = weights.download(
                source,
                None,
                partial(_show_download, callbacks, label),
            )
            found.append(AvailableCandidate(wanted.backbone, weights.from_file(wanted.weights, file)))
        except WeightsError as error:
            if wanted.named:
                raise
            left_out.append(LeftOut(wanted.backbone.name, str(error)))
    return found, left_out
