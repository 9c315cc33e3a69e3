"""Candidates, measurements and sessions that nobody measured, for the tests of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tlsearch.models.cuts import CutInfo, Cuts
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.plugins import registry
from tlsearch.plugins.api import AugmentationHints, WeightSource
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.registry import BrokenPlugin, PluginEntry
from tlsearch.search.cost import Costs
from tlsearch.search.space import SearchHints, SearchSpace
from tlsearch.types import Candidate

LITE = Candidate(
    backbone="efficientnet_lite0",
    weights="imagenet",
    weights_file="/w/lite.npz",
    weights_id="11aa",
    image_size=160,
    depth=18,
)
VGG = Candidate(
    backbone="vgg16", weights="imagenet", weights_file="/w/vgg.h5", weights_id="22bb", image_size=128, depth=13
)
POLICIES = ("none", "geometric", "color", "standard")
IMAGES = 300

HINTS = SearchHints(
    backbones={name: registry.load_plugin("backbone", name).hints for name in ("efficientnet_lite0", "vgg16")},
    augmentations={name: registry.load_plugin("augmentation", name).hints for name in POLICIES[1:]},
)
"""Those that the built-in plugins give."""


def facts_of(candidate: Candidate, work: float = 1e9, forward_seconds: float = 0.01) -> MeasuredCandidate:
    """Every cut adds the same work, up to ``work`` operations an image; every third cut ends a stage."""
    depth = candidate.depth
    cuts = Cuts(
        tuple(
            CutInfo(
                name=f"block{number}",
                layer=f"layer{number}",
                stage_end=number % 3 == 0,
                shape=(4, 4, 8 * number),
                dtype="float16",
                work=work * number / depth,
                frozen_layers=tuple(f"conv{k}" for k in range(1, number + 1)),
            )
            for number in range(1, depth + 1)
        )
    )
    return MeasuredCandidate(
        candidate=candidate, cuts=cuts, precision="float32", forward_seconds=forward_seconds, train_ratio=3.0
    )


def make_space(*candidates: Candidate, policies: tuple[str, ...] = POLICIES, steps: int = 400) -> SearchSpace:
    """The search space of ``candidates``, both made-up ones where none is named: 256 training images."""
    return SearchSpace(
        candidates=candidates or (LITE, VGG),
        policies=policies,
        steps=steps,
        train_images=256,
        batch_size=32,
        seed=0,
        hints=HINTS,
    )


def make_costs(space: SearchSpace) -> Costs:
    """Costs for 300 images; VGG does ten times the work of Lite0."""
    facts = {c: facts_of(c, 1e10 if c.backbone == "vgg16" else 1e9) for c in space.candidates}
    return Costs(facts=facts, images=IMAGES)


def plugin_facts(
    *backbones: BackboneFacts,
    augmentations: Mapping[str, AugmentationHints | None] = {"flip": None, **HINTS.augmentations},
    broken: tuple[BrokenPlugin, ...] = (),
    weights: Sequence[PluginEntry] = (),
) -> PluginFacts:
    """What a worker says of its plugins."""
    entries = [
        PluginEntry(kind="backbone", name=b.name, distribution=b.distribution, version=b.version, target="its:Own")
        for b in backbones
    ]
    entries += [
        PluginEntry(kind="augmentation", name=name, distribution="tlsearch", version="0.1", target="its:Own")
        for name in augmentations
    ]
    return PluginFacts(
        usable=(*entries, *weights),
        broken=broken,
        backbones=backbones,
        augmentation_hints={name: hints for name, hints in augmentations.items() if hints},
    )


def broken_plugin(kind: str, name: str, distribution: str, reason: str) -> BrokenPlugin:
    """A plugin that does not keep its contract."""
    return BrokenPlugin(
        PluginEntry(kind=kind, name=name, distribution=distribution, version="0.1", target="its:Own"), reason
    )


def backbone_facts(name: str, **weights: WeightSource) -> BackboneFacts:
    """A backbone plugin with its ``weights``."""
    return BackboneFacts(
        name=name, distribution="tlsearch", version="0.1", default_image_size=224, min_image_size=32, weights=weights
    )


def online(name: str, megabytes: float | None = 58.0) -> WeightSource:
    """Weights that are only to be had from a host."""
    url, file = f"https://files.invalid/{name}.h5", f"{name}.h5"
    return WeightSource(
        trained_on="ImageNet", licence="free", url=url, filename=file, file_hash="0" * 32, megabytes=megabytes
    )


def installed(folder: Path, name: str) -> WeightSource:
    """Weights that came with their plugin: a file in ``folder``."""
    file = folder / f"{name}.npz"
    file.write_bytes(name.encode())
    return WeightSource(trained_on="ImageNet", licence="free", path=file)
