"""The search space: one set of names for all candidates, and the way from suggested values to a TrialSpec.

TPE models jointly only what every trial has, so every trial suggests every parameter; what a trial does not use is
dropped when its canonical spec is made, and two suggestions with one spec are one trial.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tlsearch.plugins.api import AugmentationHints, TrainingHints
from tlsearch.search.poolings import FLATTEN_WEIGHTS, MAP_POOLINGS, nearest_pooling
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import Candidate, Pooling, TrialSpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
UNITS = (64, 1024)
DROPOUT = (0.0, 0.6)
LR_SUFFIX = (1e-5, 3e-3)
LR_HEAD = (1e-4, 1e-2)
WEIGHT_DECAY = (1e-5, 1e-1)
LABEL_SMOOTHING = (0.0, 0.1)

MIN_VIEWS = 4
"""Views of an augmentation that the epochs take turns with; with more than 12 epochs it is a third of them."""

Params = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SearchHints:
    """What plugins say of their own best use, by the name of the plugin: where the search begins."""

    backbones: Mapping[str, TrainingHints] = field(default_factory=dict)
    augmentations: Mapping[str, AugmentationHints] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """What may be tried.

    Attributes:
        candidates: The networks to choose from.
        policies: The augmentations, of which the first is "none".
        steps: The schedule of a trained trial.
        train_images: The images that it trains on.
        batch_size: The images of a training step.
        seed: The seed of every trial.
        depthwise_frozen: The labels of the candidates whose trained layers keep their depthwise kernels.
        frozen: The labels of the candidates of which trained trials freeze so many cut points; of others the search
            chooses it.
        flattened: The labels of the candidates whose final map may be flattened, each with the values of that map.
        tokens: The labels of the candidates that give tokens, each with the poolings of these.
        hints: What to begin with; they bound nothing.
    """

    candidates: tuple[Candidate, ...]
    policies: tuple[str, ...]
    steps: int
    train_images: int
    batch_size: int
    seed: int
    depthwise_frozen: frozenset[str] = frozenset()
    frozen: tuple[tuple[str, int], ...] = ()
    flattened: tuple[tuple[str, int], ...] = ()
    tokens: tuple[tuple[str, tuple[Pooling, ...]], ...] = ()
    hints: SearchHints = field(default_factory=SearchHints, compare=False)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Give Optuna's distributions by parameter name, the same for every candidate."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        return {
            "candidate": CategoricalDistribution([c.label for c in self.candidates]),
            "train_suffix": CategoricalDistribution([False, True]),
            "freeze": FloatDistribution(0.0, 1.0),
            "skip_cut": FloatDistribution(0.0, 1.0),
            "pooling": CategoricalDistribution(list(self.poolings)),
            "hidden": CategoricalDistribution([False, True]),
            "units": IntDistribution(*UNITS, log=True),
            "dropout": FloatDistribution(*DROPOUT),
            "policy": CategoricalDistribution(list(self.policies)),
            "strength": FloatDistribution(STRENGTHS[0], STRENGTHS[-1], step=0.25),
            "lr_suffix": FloatDistribution(*LR_SUFFIX, log=True),
            "lr_head": FloatDistribution(*LR_HEAD, log=True),
            "weight_decay": FloatDistribution(*WEIGHT_DECAY, log=True),
            "label_smoothing": CategoricalDistribution(list(LABEL_SMOOTHING)),
        }

    @property
    def poolings(self) -> tuple[Pooling, ...]:
        """The poolings of which any candidate has a use."""
        of_tokens = dict(self.tokens)
        maps: tuple[Pooling, ...] = MAP_POOLINGS if any(c.label not in of_tokens for c in self.candidates) else ()
        flat: tuple[Pooling, ...] = ("flatten",) if self.flattened else ()
        return (*maps, *flat, *dict.fromkeys(pooling for poolings in of_tokens.values() for pooling in poolings))

    @property
    def tunes_layers(self) -> bool:
        """Whether layers of any candidate may be trained: the user may want all of them frozen."""
        frozen = dict(self.frozen)
        return any(frozen.get(c.label, 0) < c.depth for c in self.candidates)

    @property
    def digest(self) -> str:
        """A text that changes with anything that would make trials of another study incomparable."""
        text = json.dumps([[c.label, c.weights_id, c.image_size] for c in self.candidates])
        text += json.dumps([self.policies, self.steps, self.train_images, self.batch_size, self.seed])
        text += json.dumps(sorted(self.depthwise_frozen)) if self.depthwise_frozen else ""
        text += json.dumps(["freeze", *sorted(self.frozen)]) if self.frozen else ""
        text += json.dumps(["flatten", *sorted(self.flattened)]) if self.flattened else ""
        text += json.dumps(["tokens", *sorted(self.tokens)]) if self.tokens else ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def candidate(self, label: str) -> Candidate:
        """Give the candidate with that label."""
        return next(c for c in self.candidates if c.label == label)

    def hints_of(self, candidate: Candidate) -> TrainingHints:
        """Give what the backbone of a candidate says of its training; without a word of it, nothing but None."""
        return self.hints.backbones.get(candidate.backbone, TrainingHints())

    def policy_of(self, role: Literal["mild", "strong"]) -> str:
        """Give the first policy that has this role, or else the last policy, whatever the user allowed instead."""
        hints = self.hints.augmentations
        return next((p for p in self.policies if p in hints and hints[p].role == role), self.policies[-1])

    def of(self, spec: TrialSpec) -> Candidate:
        """Give the candidate that a spec is about."""
        return next(c for c in self.candidates if (c.backbone, c.weights) == (spec.backbone, spec.weights))

    def spec(self, params: Mapping[str, Any]) -> TrialSpec:
        """Give the canonical spec of suggested values; rates are rounded to two significant digits."""
        candidate = self.candidate(params["candidate"])
        depth = candidate.depth
        freeze_depth = self._freeze_depth(params, candidate)
        suffix = freeze_depth < depth
        hidden = bool(params["hidden"])
        trained = suffix or hidden
        policy = params["policy"]
        strength = 0.0 if policy == "none" else float(params["strength"])
        pooling, units = self._head(params, candidate)
        return TrialSpec(
            backbone=candidate.backbone,
            weights=candidate.weights,
            image_size=candidate.image_size,
            depth=depth,
            freeze_depth=freeze_depth,
            pooling=pooling,
            skip_cut=0 if suffix or pooling == "flatten" else _cell(params["skip_cut"], depth),
            units=units,
            dropout=round(float(params["dropout"]), 2) if trained else 0.0,
            policy=policy if strength else "none",
            strength=strength,
            views=self.views(freeze_depth, trained) if strength else 1,
            steps=self.steps if trained else 0,
            batch_size=self.batch_size,
            lr_suffix=_two_digits(params["lr_suffix"]) if suffix else 0.0,
            lr_head=_two_digits(params["lr_head"]) if trained else 0.0,
            weight_decay=_two_digits(params["weight_decay"]) if trained else 0.0,
            label_smoothing=float(params["label_smoothing"]) if trained else 0.0,
            seed=self.seed,
            depthwise_frozen=suffix and candidate.label in self.depthwise_frozen,
        )

    def _freeze_depth(self, params: Mapping[str, Any], candidate: Candidate) -> int:
        """The number of frozen cut points.

        Where the user has said it, linear probes freeze everything all the same: they are what the others are compared
        with, and cost little.
        """
        fixed = dict(self.frozen).get(candidate.label)
        if fixed is None:
            return _cell(params["freeze"], candidate.depth) if params["train_suffix"] else candidate.depth
        return fixed if params["train_suffix"] or params["hidden"] else candidate.depth

    def pooling_of(self, candidate: Candidate, wanted: Pooling) -> Pooling:
        """Give the pooling that ``wanted`` means for a candidate: see ``nearest_pooling``."""
        of_tokens = dict(self.tokens).get(candidate.label)
        return nearest_pooling((*MAP_POOLINGS, "flatten") if of_tokens is None else of_tokens, wanted)

    def _head(self, params: Mapping[str, Any], candidate: Candidate) -> tuple[Pooling, int]:
        """The pooling and the hidden units, 0 for none.

        A map is flattened for a hidden layer only: a linear probe on so many values is slow to fit, and has a copy of
        them for each view. Where a map may not be flattened, averages take its place.
        """
        units = int(params["units"]) if params["hidden"] else 0
        pooling = self.pooling_of(candidate, params["pooling"])
        if pooling != "flatten":
            return pooling, units
        values = dict(self.flattened).get(candidate.label, 0)
        return ("flatten", min(units, FLATTEN_WEIGHTS // values)) if values and units else ("avg", units)

    def views(self, freeze_depth: int, trained: bool) -> int:
        """Give the views of an augmented trial: a third of its epochs, at least four.

        Where nothing is frozen there is nothing to keep, and every epoch renders a fresh one: 0.
        """
        if not trained:
            return MIN_VIEWS
        if freeze_depth == 0:
            return 0
        epochs = self.steps / steps_per_epoch(self.train_images, self.batch_size)
        return max(MIN_VIEWS, round(epochs / 3))

    def params(self, candidate: Candidate, **chosen: Any) -> Params:
        """Give a full set of parameters: ``chosen`` over neutral values for the rest.

        ``freeze_depth`` and ``skip_cut_depth`` may be given instead of the fractions ``freeze`` and ``skip_cut``.
        """
        params: Params = {
            "candidate": candidate.label,
            "train_suffix": False,
            "freeze": middle_of_cell(candidate.depth - 1, candidate.depth),
            "skip_cut": middle_of_cell(0, candidate.depth),
            "pooling": "avg",
            "hidden": False,
            "units": 256,
            "dropout": 0.3,
            "policy": "none",
            "strength": 0.5,
            "lr_suffix": 2e-4,
            "lr_head": 1e-3,
            "weight_decay": 1e-3,
            "label_smoothing": 0.0,
        }
        for name, fraction in (("freeze_depth", "freeze"), ("skip_cut_depth", "skip_cut")):
            if name in chosen:
                chosen[fraction] = middle_of_cell(chosen.pop(name), candidate.depth)
        if chosen.get("policy", "none") not in self.policies:
            chosen["policy"] = self.policies[-1]  # whatever the user allowed instead
        params |= chosen
        return {**params, "pooling": self.pooling_of(candidate, params["pooling"])}


def middle_of_cell(number: int, cells: int) -> float:
    """Give the middle of the ``number``-th of ``cells`` equal parts of 0..1."""
    return (number + 0.5) / cells


def _cell(fraction: float, cells: int) -> int:
    return min(int(fraction * cells), cells - 1)


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def schedule(train_images: int, batch_size: int, epochs: int | None) -> int:
    """Give the steps of a trained trial: 10 epochs at a batch of 32, 400 to 3,000; or what was asked for."""
    if epochs is not None:
        return epochs * steps_per_epoch(train_images, batch_size)
    return int(min(max(10 * train_images / 32, 400), 3000))


def known_policies(policies: Sequence[str]) -> tuple[str, ...]:
    """Give the policies with "none" in front, then the others as given, each once."""
    return ("none", *dict.fromkeys(p for p in policies if p != "none"))
