"""Which pre-trained networks take part: plugins and weights, resolved before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlsearch.config import RunConfig
from tlsearch.config_values import parse_weights
from tlsearch.errors import PluginError, PluginFailedError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates.short_list import Means, choose, list_line
from tlsearch.pipeline.candidates.unusable import unusable_plugins
from tlsearch.pipeline.candidates.wanted import (
    WantedCandidate,
    named_backbone,
    wanted_candidates,
    without_weights,
)
from tlsearch.plugins import weights
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.results.schema import LeftOut, PlannedCandidate
from tlsearch.types import Candidate

MakeFile = Callable[[str], Path]
"""Gives the file of weights, "vgg16@hed", that a package of their own brings; raises ``PluginFailedError``."""


@dataclass(frozen=True)
class AvailableCandidate:
    """A backbone with weights that are on this machine, or can be downloaded."""

    backbone: BackboneFacts
    weights: ResolvedWeights


def find_candidates(
    config: RunConfig,
    plugins: PluginFacts,
    callbacks: CallbackList,
    make_file: MakeFile,
    *,
    means: Means | None = None,
    download: bool = True,
) -> tuple[list[AvailableCandidate], list[LeftOut]]:
    """The candidates of a run and the backbones left out with the reason.

    Where the user named none, it is a short list of them by what ``means`` say. Raises ``PluginError`` or
    ``WeightsError`` where something that the user named is unavailable, and where nothing is left.
    """
    known = {b.name: b for b in plugins.backbones}
    found = _from_files(config, known, plugins)
    own = {(f.backbone.name, f.weights.name) for f in found}
    asked_for = wanted_candidates(config, known, plugins, own)
    left_out = [*unusable_plugins(config, plugins), *without_weights(config, known, asked_for, own)]
    missing = []
    for wanted in asked_for:
        backbone = wanted.backbone
        if wanted.weights in plugins.added(backbone.name):
            try:
                file = make_file(f"{backbone.name}@{wanted.weights}")
                found.append(AvailableCandidate(backbone, weights.from_file(wanted.weights, file)))
            except PluginFailedError as error:
                left_out.append(_without(wanted, plugins, error))
            continue
        try:
            resolved = weights.resolve(backbone.name, wanted.weights, backbone.sources[wanted.weights])
        except WeightsError as error:
            if wanted.named:
                raise
            left_out.append(LeftOut(backbone.name, str(error)))
            continue
        if resolved.needs_download:
            missing.append((wanted, resolved))
        else:
            found.append(AvailableCandidate(backbone, resolved))
    if means is not None and not config.backbones:
        found, missing, others = _shortened(found, missing, means, callbacks)
        left_out += others
    if missing:
        fetched, absent = _download(missing, callbacks) if download else ([], _not_downloaded(missing))
        found += fetched
        left_out += absent
    if not found:
        raise _nothing_left(missing, download, plugins)
    return found, left_out


def _shortened(
    found: list[AvailableCandidate],
    missing: list[tuple[WantedCandidate, ResolvedWeights]],
    means: Means,
    callbacks: CallbackList,
) -> tuple[list[AvailableCandidate], list[tuple[WantedCandidate, ResolvedWeights]], list[LeftOut]]:
    """What is on the short list, of what is on this machine and of what is downloaded; and what is not on it."""
    here = [rated for f in found if (rated := means.rate(f.backbone, f.weights.source)) is not None]
    fetchable = missing if missing and not _unreachable(missing) else []
    away = [rated for w, r in fetchable if (rated := means.rate(w.backbone, r.source)) is not None]
    choice = choose(here, means, away)
    if choice.reasons:
        callbacks.on_step("plan", list_line([*here, *away], choice))
    kept = [f for f in found if f.weights.source is None or f.backbone.name not in choice.reasons]
    fetched = [(w, r) for w, r in missing if w.backbone.name not in choice.reasons]
    return kept, fetched, [LeftOut(name, reason) for name, reason in choice.reasons.items()]


def _without(wanted: WantedCandidate, plugins: PluginFacts, error: PluginFailedError) -> LeftOut:
    """What to say of weights whose package fails. Raises ``PluginError`` where the user named them."""
    label = f"{wanted.backbone.name}@{wanted.weights}"
    reason = f"its package {plugins.of('weights')[label]} fails: {str(error).rstrip('.')}"
    if wanted.named:
        raise PluginError(f"{label} cannot be used: {reason}.") from error
    return LeftOut(label, reason)


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
        files[backbone, name] = AvailableCandidate(
            named_backbone(known, plugins, backbone), weights.from_file(name, file)
        )
    return list(files.values())


def _nothing_left(
    missing: Sequence[tuple[WantedCandidate, ResolvedWeights]], download: bool, plugins: PluginFacts
) -> WeightsError:
    names = [wanted.label for wanted, _ in missing]
    if download and names and not any(wanted.by_default for wanted, _ in missing):
        return WeightsError(f"None of {', '.join(names)} can be had: {weights.missing_reason(names)}.")
    if not download and names:
        return WeightsError(
            f"A dry run downloads no weights, and there are none on this machine: run "
            f"`tlsearch weights fetch {' '.join(names)}` first."
        )
    packed = next((b for b in plugins.backbones if any(source.path for source in b.weights.values())), None)
    remedy = "install a plugin whose weights come with its package"
    if packed is not None:
        remedy = f"reinstall {packed.distribution}, which brings {packed.name}"
    return WeightsError(
        f"No backbone has weights on this machine: {remedy}, or give a file with --weights BACKBONE=FILE."
    )


def _show_download(callbacks: CallbackList, label: str, done: int, total: int) -> None:
    callbacks.on_progress("plan", done, total, f"downloading {label}")


def _unreachable(missing: Sequence[tuple[WantedCandidate, ResolvedWeights]]) -> list[LeftOut]:
    """What to say of weights where no host of theirs answers; nothing where one does. Raises for what was named."""
    sources = [w.source for _, w in missing if w.source is not None]
    if weights.reachable(weights.hosts_of(sources)):
        return []
    named = [r.label for r, _ in missing if r.named]
    if named:
        raise WeightsError(f"{', '.join(named)}: {weights.missing_reason(named)}.")
    return [LeftOut(r.backbone.name, weights.missing_reason([r.label])) for r, _ in missing]


def _not_downloaded(missing: Sequence[tuple[WantedCandidate, ResolvedWeights]]) -> list[LeftOut]:
    """What a run would download."""
    return _unreachable(missing) or [_would_be_downloaded(wanted, resolved) for wanted, resolved in missing]


def _would_be_downloaded(wanted: WantedCandidate, resolved: ResolvedWeights) -> LeftOut:
    megabytes = resolved.source.megabytes if resolved.source else None
    size = f" ({megabytes:.0f} MB)" if megabytes is not None else ""
    return LeftOut(wanted.backbone.name, f"would be downloaded{size}")


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
        size = f", {source.megabytes:.0f} MB" if source.megabytes is not None else ""
        callbacks.on_step("plan", f"downloading {label}{size}")
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
