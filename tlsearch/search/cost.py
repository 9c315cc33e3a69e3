"""What a trial costs: a deterministic estimate in operations, and from it the seconds on this machine.

Operations decide which trials the sampler prefers, so that the sequence of trials depends neither on a clock nor on
what the cache happens to hold; seconds only decide whether a trial still fits into the time that is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.types import Candidate, TrialSpec

FIXED_OPERATIONS = 2e11
"""What any trial costs besides: building, tracing, validating. About as much as a second or two of arithmetic."""

FIXED_SECONDS = 1.5
COMPILE_SECONDS = 4.0
"""Building and compiling what is trained of a network, about."""

TRAIN_FACTOR = 3.0
"""A training step does the forward work, and twice that for the gradients of weights and activations."""

RENDER_PER_VALUE = 300.0
"""Operations for rendering one value of an augmented image."""

HEAD_STEP_SECONDS = 0.004

FLAT_OPERATIONS_PER_SECOND = 4e10
"""Operations a second in a hidden layer on a flattened map, about, whose weights and moments are read at each step."""

VALIDATION = 1.1
"""A training step costs a tenth more than itself, for the validation after each epoch."""

RENDER_SECONDS = 3e-8
"""Seconds to render one pixel of an augmented image, about, where it was not measured."""


class ViewKey(NamedTuple):
    """Features that trials read: of one view of the images, at one cut of a network.

    ``network`` is its label. ``view`` is the number of the augmented view. A negative ``cut`` stands for the pooled
    features of that depth, which are made from the deepest map of the same view.
    """

    network: str
    image_size: int
    policy: str
    strength: float
    view: int
    cut: int


@dataclass(kw_only=True)
class Costs:
    """Estimates for one pool of images.

    Attributes:
        facts: What was measured of each candidate.
        images: The number of images in the pool.
        made: The features that earlier trials of this study asked for.
        folds: The folds that a linear probe runs on.
        trained_folds: The folds that a trained trial runs on.
        rendering: The seconds that policies take to render a pixel on this machine, where they were measured.
        stored: Whether features are stored at all. Otherwise every trial takes the seconds to compute its own.
    """

    facts: Mapping[Candidate, MeasuredCandidate]
    images: int
    made: set[ViewKey] = field(default_factory=set)
    folds: int = 1
    trained_folds: int = 1
    rendering: Mapping[str, float] = field(default_factory=dict)
    stored: bool = True

    def render_seconds(self, policy: str) -> float:
        """Give the seconds to render one pixel; of a policy that was not measured, those of the slowest one."""
        return self.rendering.get(policy, max(self.rendering.values(), default=RENDER_SECONDS))

    def remember(self, spec: TrialSpec) -> None:
        """Note what a trial made.

        Trials are pruned only after all their views have been used once: 40 % of the steps is more than the third of
        the epochs that there are views for.
        """
        self.made.update(self._needed(spec))

    def remember_profile(self) -> None:
        """Note what the profile made: the pooled features of the plain images at every cut of every candidate."""
        for candidate, facts in self.facts.items():
            network = (f"{candidate.backbone}@{candidate.weights}", candidate.image_size)
            self.made.update(ViewKey(*network, "none", 0.0, 0, -depth) for depth in facts.cuts.depths)

    def operations(self, spec: TrialSpec) -> float:
        """Give the deterministic cost of a trial."""
        facts = self._facts(spec)
        cost = FIXED_OPERATIONS
        for key in self._missing(spec):
            cost += self.images * self._making(facts, key)
            if self._unrendered(key):
                cost += self.images * RENDER_PER_VALUE * 3 * spec.image_size**2
        if spec.kind != "feature_extraction":
            trained = facts.cuts.work(len(facts.cuts)) - facts.cuts.work(spec.freeze_depth)
            cost += TRAIN_FACTOR * spec.steps * spec.batch_size * trained * self.trained_folds
        cost += self._flat_operations(spec) * spec.steps * self.trained_folds
        if _renders_afresh(spec):
            cost += spec.steps * spec.batch_size * RENDER_PER_VALUE * 3 * spec.image_size**2 * self.trained_folds
        return cost

    def train_seconds(self, spec: TrialSpec) -> float:
        """Give the seconds of training proper on this machine, on all folds of the trial, without making views."""
        return self.seconds_on(spec, self.folds if spec.is_linear_probe else self.trained_folds)

    def forward_seconds(self, spec: TrialSpec) -> float:
        """Give the seconds of one image through the whole network on this machine; 0 for one that was not measured."""
        known = (f for c, f in self.facts.items() if (c.backbone, c.weights) == (spec.backbone, spec.weights))
        return next((facts.forward_seconds for facts in known), 0.0)

    def fold_seconds(self, spec: TrialSpec) -> float:
        """Give the seconds of training proper on one fold."""
        return self.seconds_on(spec, 1)

    def seconds_on(self, spec: TrialSpec, folds: int) -> float:
        """Give the seconds of training proper on so many folds, for which one model is compiled.

        Where a fold has fewer images than a batch, there may be another.
        """
        if spec.is_linear_probe:
            rows = self.images * spec.views
            return folds * (FIXED_SECONDS + rows * self._facts(spec).cuts[-1].channels * 1e-6)
        if spec.kind == "feature_extraction":
            return COMPILE_SECONDS + folds * spec.steps * (HEAD_STEP_SECONDS + self._flat_seconds(spec))
        pixels = spec.batch_size * spec.image_size**2
        render = pixels * self.render_seconds(spec.policy) if _renders_afresh(spec) else 0.0
        return COMPILE_SECONDS + folds * spec.steps * (self._step_seconds(spec) + render + self._flat_seconds(spec))

    def _flat_operations(self, spec: TrialSpec) -> float:
        """Operations of a training step between a flattened map and the hidden layer; 0 for pooled features."""
        if spec.pooling != "flatten":
            return 0.0
        values = math.prod(self._facts(spec).cuts[-1].shape)
        return TRAIN_FACTOR * 2 * spec.batch_size * values * spec.units

    def _flat_seconds(self, spec: TrialSpec) -> float:
        return self._flat_operations(spec) / FLAT_OPERATIONS_PER_SECOND

    def _step_seconds(self, spec: TrialSpec) -> float:
        facts = self._facts(spec)
        frozen = facts.cuts.share(spec.freeze_depth)
        computed = 0.0 if self.stored else frozen  # behind every batch
        return VALIDATION * spec.batch_size * facts.forward_seconds * (facts.train_ratio * (1 - frozen) + computed)

    def view_seconds(self, spec: TrialSpec) -> float:
        """Give the seconds for the views and features that no earlier trial made, or stored."""
        facts, costs = self._facts(spec), self if self.stored else replace(self, made=set())
        seconds = 0.0
        for key in costs._missing(spec):
            share = costs._making(facts, key) / facts.cuts[-1].work
            pixels = self.images * spec.image_size**2 if costs._unrendered(key) else 0
            seconds += self.images * facts.forward_seconds * share + pixels * self.render_seconds(spec.policy)
        return seconds

    def seconds(self, spec: TrialSpec) -> float:
        """Give the seconds that the trial takes here, all told."""
        return self.train_seconds(spec) + self.view_seconds(spec)

    def _facts(self, spec: TrialSpec) -> MeasuredCandidate:
        return next(f for c, f in self.facts.items() if (c.backbone, c.weights) == (spec.backbone, spec.weights))

    def _missing(self, spec: TrialSpec) -> list[ViewKey]:
        return [key for key in self._needed(spec) if key not in self.made]

    def _needed(self, spec: TrialSpec) -> Iterable[ViewKey]:
        """The features that a trial reads: maps at its cut, or pooled ones; and plain ones for validation."""
        network = (f"{spec.backbone}@{spec.weights}", spec.image_size)
        cuts = [spec.freeze_depth]
        final = spec.depth if spec.pooling == "flatten" else -spec.depth
        if spec.kind == "feature_extraction":
            cuts = [-spec.skip_cut, final] if spec.skip_cut else [final]
        else:
            yield ViewKey(*network, "none", 0.0, 0, final)
        for cut in cuts:
            if cut == 0 and not spec.views:
                continue
            yield ViewKey(*network, "none", 0.0, 0, cut)
            for number in range(spec.views if spec.strength else 0):
                yield ViewKey(*network, spec.policy, spec.strength, number, cut)

    def _making(self, facts: MeasuredCandidate, key: ViewKey) -> float:
        """Work for one image of the features ``key``: from the deepest map of the same view that was made."""
        target = abs(key.cut)
        if target == 0:
            return 0.0
        made = [depth for depth in facts.cuts.stage_ends(0, target) if key._replace(cut=depth) in self.made]
        return facts.cuts.work(target) - facts.cuts.work(max(made, default=0))

    def _unrendered(self, key: ViewKey) -> bool:
        """Whether the pixels of an augmented view have to be rendered: nobody has asked for the view yet."""
        return bool(key.strength) and not any(made[1:5] == key[1:5] for made in self.made)


def _renders_afresh(spec: TrialSpec) -> bool:
    """Whether every epoch renders a view of its own, for nothing is frozen that could be kept."""
    return bool(spec.strength) and not spec.views


HALVING_WORK = 1 + 2 / 3
"""Successive halving trains the whole schedule once, and a third of it for each of the two that drop out."""

DEPTHWISE_FACTOR = 1.5
"""How much longer a step takes that trains depthwise kernels than the measured one, where trials keep them: 230 ms
instead of 155 for two thirds of EfficientNet-Lite0."""

WHOLE_COMPILE_SECONDS = 8.0
"""Building and compiling a whole network with BatchNorm, about: the small one 4, EfficientNet-Lite0 16."""


@dataclass(frozen=True)
class FromScratchCosts:
    """What it costs to train whole networks from scratch with three learning rates.

    Attributes:
        train_images: The number of training images.
        images: The number of images of the pool, which are rendered anew in every epoch.
        render_seconds: The seconds to render one pixel.
    """

    train_images: int
    images: int
    render_seconds: float = RENDER_SECONDS

    def epoch_seconds(self, measured: MeasuredCandidate) -> float:
        """Seconds to render and train one epoch."""
        render = self.images * measured.candidate.image_size**2 * self.render_seconds
        ratio = measured.train_ratio * (DEPTHWISE_FACTOR if measured.freezes_depthwise else 1.0)
        return self.train_images * measured.forward_seconds * ratio * VALIDATION + render

    def halving_operations(self, measured: MeasuredCandidate, steps: int, batch_size: int) -> float:
        """Give the deterministic cost of all learning rates over a schedule of ``steps``."""
        image = TRAIN_FACTOR * measured.cuts.work(len(measured.cuts))
        return HALVING_WORK * steps * batch_size * (image + RENDER_PER_VALUE * 3 * measured.candidate.image_size**2)

    def halving_seconds(self, measured: MeasuredCandidate, epochs: int) -> float:
        """Seconds for all learning rates over a schedule of ``epochs``."""
        return HALVING_WORK * self.epoch_seconds(measured) * epochs + WHOLE_COMPILE_SECONDS

    def halving_epochs(self, measured: MeasuredCandidate, seconds: float) -> float:
        """The epochs of the schedule that fits into so many seconds."""
        return (seconds - WHOLE_COMPILE_SECONDS) / (HALVING_WORK * self.epoch_seconds(measured))
