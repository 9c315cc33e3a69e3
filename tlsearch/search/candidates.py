"""Which pre-trained networks take part: plugins and weights, resolved before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tlsearch.backbones import weights
from tlsearch.backbones.weights import ResolvedWeights
from tlsearch.config import RunConfig, parse_weights
from tlsearch.errors import PluginError, WeightsError
from tlsearch.progress import Reporter
from tlsearch.results.parts import LeftOut
from tlsearch.training.jobs import BackboneFacts, PluginFacts


@dataclass(frozen=True)
class Found:
    """A backbone with weights that are on this machine, or can be downloaded."""

    backbone: BackboneFacts
    weights: ResolvedWeights


@dataclass(frozen=True)
class Request:
    """A backbone with a name of weights; ``named`` by the user, who must be told when it cannot be had."""

    backbone: BackboneFacts
    weights: str
    named: bool


def find_candidates(config: RunConfig, plugins: PluginFacts, reporter: Reporter) -> tuple[list[Found], list[LeftOut]]:
    """The candidates of a run and the backbones left out with the reason.

    Raises ``PluginError`` or ``WeightsError`` where something that the user named cannot be had, and where nothing
    is left.
    """
    known = {b.name: b for b in plugins.backbones}
    found = [
        Found(_named(known, plugins, backbone), weights.from_file(name, file))
        for backbone, name, file in map(parse_weights, config.weights)
    ]
    own = {(f.backbone.name, f.weights.name) for f in found}
    requests = [
        r for r in _requests(config, known, plugins, {b for b, _ in own}) if (r.backbone.name, r.weights) not in own
    ]
    resolved = [(r, weights.resolve(r.backbone.name, r.weights, r.backbone.weights[r.weights])) for r in requests]
    missing = [(r, w) for r, w in resolved if w.needs_download]
    found += [Found(r.backbone, w) for r, w in resolved if not w.needs_download]
    left_out = [
        LeftOut(name, f"the plugin of {dist} is broken: {reason}")
        for kind, name, dist, reason in plugins.broken
        if kind == "backbone"
    ]
    if missing:
        fetched, absent = _download(missing, config.dry_run, reporter)
        found += fetched
        left_out += absent
    if config.backbones:
        asked = {b.partition("@")[0] for b in config.backbones}
        found = [f for f in found if f.backbone.name in asked]
        left_out = [item for item in left_out if item.backbone in asked]
    if not found:
        raise WeightsError(
            "No backbone has weights on this machine; reinstall tlsearch, which brings efficientnet_lite0, "
            "or give a file with --weights BACKBONE=FILE."
        )
    return found, left_out


def _named(known: dict[str, BackboneFacts], plugins: PluginFacts, name: str) -> BackboneFacts:
    if name in known:
        return known[name]
    for kind, broken, distribution, reason in plugins.broken:
        if kind == "backbone" and broken == name:
            raise PluginError(f"The backbone {name!r} of {distribution} cannot be used: {reason}.")
    raise PluginError(
        f"There is no backbone {name!r}; choose one of {', '.join(sorted(known))}, or install its plugin."
    )


def _requests(config: RunConfig, known: dict[str, BackboneFacts], plugins: PluginFacts, own: set[str]) -> list[Request]:
    """What is asked for besides files. A backbone for which the user gave files means those files only."""
    if not config.backbones:
        return [
            Request(b, next(iter(b.weights)), named=False) for b in known.values() if b.weights and b.name not in own
        ]
    requests = []
    for text in config.backbones:
        name, _, wanted = text.partition("@")
        backbone = _named(known, plugins, name)
        if not wanted and name in own:
            continue
        if not backbone.weights:
            raise WeightsError(f"The backbone {name!r} brings no weights; give a file with --weights {name}=FILE.")
        wanted = wanted or next(iter(backbone.weights))
        files = {parse_weights(text)[1] for text in config.weights if parse_weights(text)[0] == name}
        if wanted not in backbone.weights and wanted not in files:
            choices = ", ".join([*backbone.weights, *sorted(files)])
            raise WeightsError(f"The backbone {name!r} has no weights {wanted!r}; it has {choices}.")
        if wanted in backbone.weights:
            requests.append(Request(backbone, wanted, named=True))
    return requests


def _show_download(reporter: Reporter, label: str, done: int, total: int) -> None:
    reporter.progress("plan", done, total, f"downloading {label}")


def _download(
    missing: Sequence[tuple[Request, ResolvedWeights]], dry_run: bool, reporter: Reporter
) -> tuple[list[Found], list[LeftOut]]:
    """Download what can be, after one probe of the hosts for all of them together."""
    sources = [w.source for _, w in missing if w.source is not None]
    if not weights.reachable(weights.hosts_of(sources)):
        named = [r.backbone.name for r, _ in missing if r.named]
        if named:
            raise WeightsError(f"{', '.join(named)}: {weights.missing_reason(named)}.")
        return [], [LeftOut(r.backbone.name, weights.missing_reason([r.backbone.name])) for r, _ in missing]
    found, left_out = [], []
    for request, resolved in missing:
        source = resolved.source
        if source is None or dry_run:
            left_out.append(
                LeftOut(request.backbone.name, f"would be downloaded ({source.megabytes if source else 0:.0f} MB)")
            )
            continue
        label = f"{request.backbone.name}@{request.weights}"
        reporter.say("plan", f"downloading {label}, {source.megabytes or 0:.0f} MB")
        try:
            file = weights.download(
                source,
                None,
                partial(_show_download, reporter, label),
            )
            found.append(Found(request.backbone, weights.from_file(request.weights, file)))
        except WeightsError as error:
            if request.named:
                raise
            left_out.append(LeftOut(request.backbone.name, str(error)))
    return found, left_out
