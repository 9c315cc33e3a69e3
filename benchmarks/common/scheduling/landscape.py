"""A world of trials whose truth is known: what a configuration is worth, what its trial shows, and how long it takes.

What is recorded: how good a linear probe is by the features that it joins, a hidden layer, and tuning by the share that
is frozen; durations by kind; the course of learning curves. So what the warm start tries is worth what it was worth.

What is assumed, as no recording has it: the rates, the decay and the like of a configuration have a best value, which
differs from seed to seed. The truth falls with the square of the distance from it, so that a configuration drawn by
chance lies ``FALL`` below the best of its kind. What a trial shows lies beside the truth by the luck of training and of
the validation images, as large as two good trials disagree about images (``search.enough``).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from benchmarks.common.scheduling.recorded_trials import RecordedTrials, WorkOf
from tlsearch.search.enough import DISAGREEMENT
from tlsearch.search.space import DROPOUT, LABEL_SMOOTHING, LR_HEAD, LR_SUFFIX, UNITS, WEIGHT_DECAY
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec

FALL = 0.04
"""By how much a configuration that is drawn by chance is worse than the best of its kind, about."""

SQUARE = 0.1
"""The mean square of the distance between a value drawn by chance and the best one, both from 0 to 1, about."""

NEAREST = 3
"""Recorded trials of its kind, nearest in what decides about time, among which the duration of a trial is drawn."""

BEST = (0.25, 0.75)
"""Where the best value of a parameter may lie, from 0 to 1."""


class Landscape:
    """The world of one seed.

    Attributes:
        noise: The standard deviation of what a trial shows about its truth.
    """

    def __init__(self, recorded: RecordedTrials, seed: int) -> None:
        """Draw the best values of the parameters."""
        self._trials = [t for t in recorded.trials if t.state == "complete" and t.value is not None]
        self._all = recorded.trials
        self.noise = math.sqrt(DISAGREEMENT / 2 / recorded.val_images)
        rng = np.random.default_rng([seed, 17])
        self._best = dict(zip(_PARAMETERS, rng.uniform(*BEST, len(_PARAMETERS)), strict=True))
        self._networks = self._by_network()

    def _by_network(self) -> Mapping[str, float]:
        """By how much each network's plain linear probe differs from that of the network with most trials."""
        plain = {t.spec.backbone: t.score for t in self._trials if t.spec.is_linear_probe and not t.spec.skip_cut}
        tuned = [t.spec.backbone for t in self._trials if t.spec.kind == "fine_tuning"]
        return {backbone: value - plain[tuned[0]] for backbone, value in plain.items()}

    def truth(self, spec: TrialSpec) -> float:
        """What a configuration is worth, 0 to 1."""
        near = self._like(spec)
        gain = self.behind(near[0].spec) - self.behind(spec)
        return float(np.clip(self._level(spec, near) + FALL * gain, 0.0, 1.0))

    def _like(self, spec: TrialSpec) -> list[TrialRecord]:
        """The complete recorded trials of its kind, those first that are nearest in what is frozen and joined."""
        work = WorkOf.trial(spec)

        def distance(trial: TrialRecord) -> float:
            other = trial.spec
            away = work.distance(WorkOf.trial(other)) + abs(other.skip_cut / other.depth - spec.skip_cut / spec.depth)
            return away + 0.5 * (spec.is_linear_probe and other.backbone != spec.backbone)

        found = sorted((t for t in self._trials if math.isfinite(distance(t))), key=distance)
        return found or self._trials

    def _level(self, spec: TrialSpec, near: Sequence[TrialRecord]) -> float:
        """What was recorded of the nearest of its kind, and, of tuning, what another share of frozen layers makes."""
        like = near[0]
        shift = self._networks.get(spec.backbone, 0.0) - self._networks.get(like.spec.backbone, 0.0)
        if spec.kind != "fine_tuning":
            return like.score + shift
        best: dict[float, float] = {}
        for trial in near:
            share = trial.spec.freeze_depth / trial.spec.depth
            best[share] = max(best.get(share, 0.0), trial.score)
        shares = sorted(best)
        frozen = [each.freeze_depth / each.depth for each in (spec, like.spec)]
        here, there = np.interp(frozen, shares, [best[share] for share in shares])
        return like.score + float(here - there) + shift

    def behind(self, spec: TrialSpec) -> float:
        """How far a configuration is from the best of its kind: 1 where it is drawn by chance, about."""
        values = _values(spec)
        if not values:
            return 0.0
        squares = [float(value - self._best[name]) ** 2 for name, value in values.items()]
        return math.fsum(squares) / (SQUARE * len(squares))

    def shown(self, spec: TrialSpec) -> float:
        """What its trial shows: the truth and its luck, which is always the same for one spec."""
        luck = NormalDist().inv_cdf(min(max(_share(spec, "luck"), 1e-9), 1 - 1e-9))
        return float(np.clip(self.truth(spec) + self.noise * luck, 0.0, 1.0))

    def seconds(self, spec: TrialSpec) -> float:
        """How long its trial takes: as long as a recorded one of its kind."""
        work = WorkOf.trial(spec)
        away = {trial.number: work.distance(WorkOf.trial(trial.spec)) for trial in self._all}
        near = sorted((t for t in self._all if math.isfinite(away[t.number])), key=lambda t: away[t.number])[:NEAREST]
        return near[int(_share(spec, "seconds") * len(near))].seconds

    def curve(self, spec: TrialSpec) -> Sequence[tuple[float, float]]:
        """(share of the schedule, objective) after each epoch; empty for a linear probe."""
        if spec.is_linear_probe:
            return ()
        share, curves = spec.freeze_depth / spec.depth, [trial for trial in self._trials if trial.curve]
        like = min(curves, key=lambda trial: abs(trial.spec.freeze_depth / trial.spec.depth - share))
        above = self.shown(spec) - like.score
        return [(done, float(np.clip(objective + above, 0.0, 1.0))) for done, objective in like.curve]


_PARAMETERS = ("units", "dropout", "strength", "lr_suffix", "lr_head", "weight_decay", "label_smoothing")


def _values(spec: TrialSpec) -> Mapping[str, float]:
    """The parameters that a spec has a use for, each from 0 to 1."""
    if spec.is_linear_probe:
        return {}
    values = {
        "dropout": spec.dropout / DROPOUT[1],
        "strength": spec.strength,
        "lr_head": _between(spec.lr_head, LR_HEAD),
        "weight_decay": _between(spec.weight_decay, WEIGHT_DECAY),
        "label_smoothing": spec.label_smoothing / LABEL_SMOOTHING[1],
    }
    if spec.units:
        values["units"] = _between(spec.units, UNITS)
    if spec.kind == "fine_tuning":
        values["lr_suffix"] = _between(spec.lr_suffix, LR_SUFFIX)
    return values


def _between(value: float, limits: tuple[float, float]) -> float:
    """Where a value lies between two limits on a logarithmic scale, 0 to 1."""
    low, high = (math.log(limit) for limit in limits)
    return (math.log(value) - low) / (high - low) if value > 0 else 0.0


def _share(spec: TrialSpec, what: str) -> float:
    """0..1, by chance, the same for the same spec."""
    digest = hashlib.sha256(f"{spec.digest} {what}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
