"""Cut points: the places at which a network can be divided, and what is computed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload


@dataclass(frozen=True, kw_only=True)
class CutInfo:
    """A cut point of a built network.

    Attributes:
        name: What people read.
        layer: The layer whose output it is.
        stage_end: Whether the resolution drops behind it.
        shape: The shape (h, w, C) of its features.
        dtype: The type in which they are stored.
        work: The operations an image from the input up to it (see ``flops.Work``).
        frozen_layers: The layers with weights before it.
    """

    name: str
    layer: str
    stage_end: bool
    shape: tuple[int, int, int]
    dtype: str
    work: float
    frozen_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cuts(Sequence[CutInfo]):
    """The cut points of a network, from its input to its output.

    A depth is a number of cut points: depth 0 is the input, the pixels, and depth ``len(cuts)`` the whole network.
    """

    points: tuple[CutInfo, ...] = ()

    def at(self, depth: int) -> CutInfo | None:
        """Give the cut point at a depth; None at depth 0."""
        return self.point(depth) if depth else None

    def point(self, depth: int) -> CutInfo:
        """Give the cut point at a depth of at least 1."""
        if not 1 <= depth <= len(self.points):
            raise IndexError(f"there is no cut point at depth {depth} of {len(self.points)}")
        return self.points[depth - 1]

    @property
    def depths(self) -> range:
        """The depths of all cut points: 1 to their number."""
        return range(1, len(self.points) + 1)

    def work(self, depth: int) -> float:
        """Give the operations an image up to a depth; up to the pixels there are none."""
        return self.point(depth).work if depth else 0.0

    def share(self, depth: int) -> float:
        """Give the share of the network's work that lies before a depth, 0 to 1."""
        return self.work(depth) / self.points[-1].work if depth else 0.0

    def stage_ends(self, start: int, end: int) -> list[int]:
        """Give the depths after ``start`` and before ``end`` at which a stage ends."""
        return [depth for depth in range(start + 1, end) if self.point(depth).stage_end]

    def __len__(self) -> int:
        """Give the number of cut points."""
        return len(self.points)

    def __iter__(self) -> Iterator[CutInfo]:
        """Go through the cut points in order."""
        return iter(self.points)

    @overload
    def __getitem__(self, index: int) -> CutInfo: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[CutInfo, ...]: ...

    def __getitem__(self, index: int | slice) -> CutInfo | tuple[CutInfo, ...]:
        """Give a cut point by its index, which is 0 for depth 1, or several."""
        return self.points[index]


@dataclass(frozen=True)
class Feature:
    """What frozen layers compute at a cut point.

    Attributes:
        form: ``map`` is the feature map in its stored type; ``pool`` is float32 (N, 2 * C), the map pooled over space,
            averages then maxima.
        depth: The depth of the cut point, from 1.
    """

    form: Literal["map", "pool"]
    depth: int

    def __str__(self) -> str:
        """Give its name in graphs and in keys of the feature store, such as ``map 4``."""
        return f"{self.form} {self.depth}"


def maps(*depths: int) -> tuple[Feature, ...]:
    """Give the feature maps at these depths."""
    return tuple(Feature("map", depth) for depth in depths)


def pools(*depths: int) -> tuple[Feature, ...]:
    """Give the pooled features at these depths."""
    return tuple(Feature("pool", depth) for depth in depths)
