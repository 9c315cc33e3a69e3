"""The lower bound of a list of trials: what its parts take by bare Keras and scikit-learn, and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from benchmarks.common.loops.setup import Setup
from benchmarks.common.loops.timing import Timed, spread_evenly
from benchmarks.common.loops.tlsearch_loop import Sample
from benchmarks.common.loops.trial_kinds import BATCH, head_of
from benchmarks.common.results import say
from benchmarks.speed.bare_keras import (
    Array,
    NetworkEnd,
    choose_forward,
    pass_over,
    render,
    solve,
    start_forward,
    train_head,
    train_suffix,
)
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.trial import START_STEPS
from tlsearch.types import TrialSpec


@dataclass(frozen=True)
class LowerBound:
    """Seconds of a list: building and tracing the forward pass, rendering, forward passes, and training or solving."""

    build: float
    render: float
    forward: float
    train: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.build + self.render + self.forward + self.train


@dataclass(kw_only=True)
class Parts:
    """What was measured.

    A pass is over all images: ``whole`` to the end of the network, ``prefix`` to the last block; ``view`` is the
    seconds to render one view.
    """

    build_whole: float
    build_prefix: float
    whole: float
    prefix: float
    view: float
    precision: str
    solved: dict[tuple[str, int], float] = field(default_factory=dict)
    heads: dict[TrialSpec, Timed] = field(default_factory=dict)
    suffixes: dict[TrialSpec, Timed] = field(default_factory=dict)
    starts: dict[TrialSpec, float] = field(default_factory=dict)


class PartsTimer:
    """Measures the parts of the lower bound for the trials of ``setup``."""

    def __init__(self, setup: Setup, epochs: int, sample: Sample) -> None:
        """Prepare to train as many trials of ``epochs`` epochs, and as many of those epochs, as ``sample`` says."""
        self.setup, self.epochs, self.trials = setup, epochs, sample.trials
        self.measured = min(sample.epochs, epochs)

    def measure(self) -> Parts:
        """Measure everything, on the images as they are and on the views of one strength."""
        specs = [spec for kind in self.setup.kinds.values() for spec in kind]
        parts, pooled, maps = self._measure_passes(specs)
        self._measure_solved(parts, specs, pooled)
        hidden = [spec for spec in specs if spec.units]
        suffixes = [spec for spec in specs if spec.kind == "fine_tuning"]
        for spec in spread_evenly([spec for spec in hidden if spec.kind == "feature_extraction"], self.trials):
            parts.heads[spec] = train_head(spec, pooled[0], self.setup.images, self.epochs, validate=True)
            say(f"bare {spec.label}: {parts.heads[spec].seconds:.1f} s")
        for spec in spread_evenly([spec for spec in hidden if spec.kind == "fine_tuning"], self.trials):
            parts.starts[spec] = self._start_seconds(spec, pooled[0])
        for spec in spread_evenly(suffixes, self.trials):
            parts.suffixes[spec] = self._train_suffix(spec, maps)
            timed = parts.suffixes[spec]
            say(f"bare {spec.label}: {timed.seconds:.1f} s, an epoch {timed.epoch_seconds:.1f} s")
        return parts

    def _measure_passes(self, specs: Sequence[TrialSpec]) -> tuple[Parts, list[Array], Array]:
        """Passes over the images and over the views of one strength.

        Gives pooled features of all of them, first those of the images, and the images' maps at the last block.
        """
        candidate, pixels = self.setup.candidate, self.setup.images.pixels
        layer = next(cut.layer for cut in self.setup.loop.facts.cuts if cut.name == self.setup.last_block)
        whole, prefix = (choose_forward(candidate, pixels, end) for end in (None, layer))
        say(f"forward passes: {whole.policy} in batches of {whole.batch}, {prefix.policy} of {prefix.batch}")
        build_prefix, model = start_forward(candidate, prefix, pixels)
        prefix_seconds, maps = pass_over(model, prefix, pixels)
        build_whole, model = start_forward(candidate, whole, pixels)
        first, pooled = pass_over(model, whole, pixels)
        passes, views, found = [first], [], [pooled]
        for spec, number in _views_of_one_strength(specs):
            seconds, rendered = render(spec.policy, spec.strength, number, pixels)
            views.append(seconds)
            seconds, pooled = pass_over(model, whole, rendered)
            passes.append(seconds)
            found.append(pooled)
        view = fmean(views) if views else 0.0
        say(f"a pass {fmean(passes):.1f} s, to the last block {prefix_seconds:.1f} s; a view {view:.1f} s")
        parts = Parts(
            build_whole=build_whole,
            build_prefix=build_prefix,
            whole=fmean(passes),
            prefix=prefix_seconds,
            view=view,
            precision=whole.policy,
        )
        return parts, found, maps

    def _measure_solved(self, parts: Parts, specs: Sequence[TrialSpec], pooled: Sequence[Array]) -> None:
        """Solve one head for each pooling and number of views: on the images, or on all views of one strength."""
        for pooling, views in sorted({solved_key(spec) for spec in specs if head_of(spec) != "hidden"}):
            rows = list(pooled[1:]) if views > 1 else [pooled[0]]
            parts.solved[pooling, views] = solve(rows, self.setup.images, pooling)
            say(f"bare linear probe, {pooling}, {views} views: {parts.solved[pooling, views]:.1f} s")

    def _start_seconds(self, spec: TrialSpec, pooled: Array) -> float:
        """Seconds in which a hidden head is trained on frozen features before the last block joins in."""
        per_epoch = steps_per_epoch(len(self.setup.images.train), BATCH)
        epochs = min(START_STEPS, self.epochs * per_epoch) / per_epoch
        timed = train_head(spec, pooled, self.setup.images, max(1, int(epochs)), validate=False)
        return timed.seconds + (epochs - timed.epochs) * timed.epoch_seconds

    def _train_suffix(self, spec: TrialSpec, maps: Array) -> Timed:
        facts = self.setup.loop.facts
        layer = facts.cuts.point(spec.freeze_depth).layer
        end = NetworkEnd(facts.candidate, facts.precision, layer)
        return train_suffix(end, spec, maps.astype(np.float32), self.setup.images, self.epochs, self.measured)

    def total(self, specs: Sequence[TrialSpec], parts: Parts) -> LowerBound:
        """The lower bound of a list of trials.

        Each view is rendered once and passed through the network once, as far as any trial needs it. Linear probes,
        hidden heads and suffixes are each trained; the linear head from which suffixes start is solved once for each
        pooling, where no trial of the list has solved it anyway.
        """
        frozen, suffix = ([s for s in specs if s.kind == kind] for kind in ("feature_extraction", "fine_tuning"))
        views = {(spec.strength, n) for spec in specs if spec.strength for n in range(spec.views)}
        deep = {(spec.strength, n) for spec in frozen if spec.strength for n in range(spec.views)}
        # The images as they are go to the end for every kind: they validate heads, and heads of suffixes start on them.
        forward = (1 + len(deep)) * parts.whole + len(views - deep) * parts.prefix
        return LowerBound(
            parts.build_whole + (parts.build_prefix if views - deep else 0.0),
            len(views) * parts.view,
            forward,
            self._train_seconds(frozen, suffix, parts),
        )

    def _train_seconds(self, frozen: Sequence[TrialSpec], suffix: Sequence[TrialSpec], parts: Parts) -> float:
        solved = [solved_key(spec) for spec in frozen if spec.is_linear_probe]
        starts = {solved_key(spec) for spec in suffix if not spec.units} - set(solved)
        hidden_starts = [spec for spec in suffix if spec.units]
        heads = self._mean(parts.heads) * sum(not spec.is_linear_probe for spec in frozen)
        suffixes = self._mean(parts.suffixes) * len(suffix)
        start = fmean(parts.starts.values()) * len(hidden_starts) if hidden_starts else 0.0
        return sum(parts.solved[key] for key in [*solved, *starts]) + heads + suffixes + start

    def _mean(self, known: Mapping[TrialSpec, Timed]) -> float:
        """Mean seconds of trials in full; 0 where none was trained, as the lists have none then."""
        return fmean(timed.at(self.epochs) for timed in known.values()) if known else 0.0


def _views_of_one_strength(specs: Sequence[TrialSpec]) -> list[tuple[TrialSpec, int]]:
    """The first augmented trial with the number of each of its views."""
    augmented = [spec for spec in specs if spec.strength][:1]
    return [(spec, number) for spec in augmented for number in range(spec.views)]


def solved_key(spec: TrialSpec) -> tuple[str, int]:
    """What the time to solve a head depends on: pooling, and on how many views.

    Suffixes start from the images as they are.
    """
    return spec.pooling, spec.views if spec.is_linear_probe and spec.strength else 1
