"""What a model costs at use: the size of its exported file and its time for an image, measured or by arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tlsearch.models.cuts import CutInfo, Cuts
from tlsearch.models.flops import OPERATIONS_PER_VALUE
from tlsearch.types import Candidate, TrialSpec

BYTES = 4
"""Of a value in float32."""

HEAD_OPERATIONS = 2 + OPERATIONS_PER_VALUE / 2
"""Operations that a value of a head costs for an image: a product and a sum, and it is read once."""


@dataclass(frozen=True, kw_only=True)
class UseCost:
    """What a model costs at use.

    Attributes:
        megabytes: Millions of bytes of its exported file in float32.
        ms_per_image: Milliseconds for one image alone, on one thread of this machine.
        runtime: What runs the file, with its version.
        seconds: The time that exporting and timing it took.
    """

    megabytes: float
    ms_per_image: float
    runtime: str
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NetworkAtUse:
    """A network as it was measured with a linear head on averaged features.

    Attributes:
        candidate: The network at an image size; without weights it is trained from scratch.
        cuts: Its cut points.
        classes: The classes of the head.
        cost: What was measured.
    """

    candidate: Candidate
    cuts: Cuts
    classes: int
    cost: UseCost

    def work(self, spec: TrialSpec) -> float:
        """Give the operations for one image through the network; they are proportional to the number of pixels."""
        return self.cuts[-1].work * (spec.image_size / self.candidate.image_size) ** 2

    def cost_of(self, spec: TrialSpec) -> UseCost:
        """Estimate what a model of ``spec`` costs, whatever is frozen in it: another head adds what it has more."""
        plain = linear_values(self.cuts[-1].channels, self.classes)
        more = head_values(spec, self.cuts, self.classes) - plain
        work, measured = self.work(spec), self.cuts[-1].work
        return UseCost(
            megabytes=self.cost.megabytes + BYTES * more / 1e6,
            ms_per_image=self.cost.ms_per_image * (work + HEAD_OPERATIONS * more) / measured,
            runtime=self.cost.runtime,
            seconds=self.cost.seconds,
        )

    def calibrated(self, spec: TrialSpec, measured: UseCost) -> NetworkAtUse:
        """Give the network such that the estimate for ``spec`` is what was measured of a model of it.

        Times that were measured at two moments differ by what else the machine did: so all models of the network are
        compared by those of one moment.
        """
        estimate, cost = self.cost_of(spec), self.cost
        megabytes = cost.megabytes + measured.megabytes - estimate.megabytes
        ms = cost.ms_per_image * measured.ms_per_image / estimate.ms_per_image
        return replace(self, cost=replace(cost, megabytes=megabytes, ms_per_image=ms))


def head_values(spec: TrialSpec, cuts: Cuts, classes: int) -> int:
    """Count the values of the head of ``spec`` with its standardisation."""
    width = _width(spec, cuts[-1])
    if spec.skip_cut:
        width += _width(spec, cuts.point(spec.skip_cut))
    if not spec.units:
        return linear_values(width, classes)
    return 2 * width + (width + 1) * spec.units + (spec.units + 1) * classes


def linear_values(width: int, classes: int) -> int:
    """Count the values of a linear head on ``width`` features with its standardisation."""
    return 2 * width + (width + 1) * classes


def _width(spec: TrialSpec, cut: CutInfo) -> int:
    """The features of a cut that the head gets."""
    if spec.pooling == "flatten":
        return math.prod(cut.shape)
    return cut.pooled_width if spec.pooling == "avgmax" else cut.channels
