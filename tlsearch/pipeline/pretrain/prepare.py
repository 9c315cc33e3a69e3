"""Everything that can refuse a training, asked before any time is spent: the network, its name, what it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.data.index import Survey
from tlsearch.errors import WeightsError
from tlsearch.pipeline.candidates import find_candidates
from tlsearch.pipeline.candidates.wanted import named_backbone
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.preflight import check_metric, check_places, choose_policies
from tlsearch.pipeline.scan import starting_size
from tlsearch.plugins.facts import BackboneFacts, PluginFacts
from tlsearch.plugins.trained import store
from tlsearch.plugins.trained.record import RANDOM, TrainedWeights
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.types import Candidate
from tlsearch.worker.protocol import DescribePlugins, FindWeights

RECORD_KEY = ("record",)
"""What the checkpoint knows the provenance by, once there is one."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a training begins with.

    Attributes:
        plugins: What the plugins say of themselves.
        backbone: The network.
        weights: Those that it begins with; None for random values.
        image_size: The side of the images in pixels.
        policy: The augmentation, or "none".
    """

    plugins: PluginFacts
    backbone: BackboneFacts
    weights: ResolvedWeights | None
    image_size: int
    policy: str

    @property
    def label(self) -> str:
        """What training begins with: ``random values``, or ``vgg16@imagenet``."""
        return RANDOM if self.weights is None else f"{self.backbone.name}@{self.weights.name}"

    @property
    def candidate(self) -> Candidate:
        """The network with these weights, whose cut points are not known yet."""
        weights = self.weights
        return Candidate(
            backbone=self.backbone.name,
            weights=None if weights is None else weights.name,
            weights_file=None if weights is None else str(weights.file),
            weights_id="" if weights is None else weights.weights_id,
            image_size=self.image_size,
            depth=0,
        )

    @property
    def plugin_versions(self) -> Mapping[str, str]:
        """Distribution and version of the plugins that take part, by name."""
        known = {**self.plugins.of("augmentation"), **self.plugins.of("backbone")}
        return {name: known[name] for name in (self.backbone.name, self.policy) if name in known}


def prepare(context: RunContext, config: PretrainConfig, survey: Survey) -> Start:
    """Find out whether the request can be met. Raises ``UsageError`` and its kinds, each with the fix."""
    with context.budget.measure("plan"):
        plugins = context.worker.send(DescribePlugins())
        policy = choose_policies(config, plugins)[-1]
        check_metric(config, plugins)
        backbone = named_backbone({b.name: b for b in plugins.backbones}, plugins, config.backbone)
        _check_name(context.checkpoint, config, backbone, plugins)
        check_places(context, study=False)
        return Start(
            plugins=plugins,
            backbone=backbone,
            weights=None if config.is_from_scratch else _first_weights(context, config, plugins),
            image_size=starting_size(
                backbone.default_image_size, backbone.min_image_size, survey.median_short_side, config.image_size
            ),
            policy=policy,
        )


def _check_name(checkpoint: Checkpoint, config: PretrainConfig, backbone: BackboneFacts, plugins: PluginFacts) -> None:
    """Raise ``WeightsError`` where the name of the new weights is another's."""
    if config.name in (*backbone.weights, *plugins.added(backbone.name)):
        raise WeightsError(f"{config.label} are weights that a package brings: choose another --name.")
    ours = checkpoint.get(RECORD_KEY, TrainedWeights)
    if ours is None and store.is_taken(config.label):
        raise store.taken(config.label)


def _first_weights(context: RunContext, config: PretrainConfig, plugins: PluginFacts) -> ResolvedWeights:
    found, _ = find_candidates(
        config,
        plugins,
        context.callbacks,
        lambda label: context.worker.send(FindWeights(label=label, cache_dir=config.cache_dir)),
    )
    return found[0].weights
