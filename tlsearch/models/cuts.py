"""Cut points: the places at which a network can be divided, and what is computed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from tlsearch.types import Pooling


@dataclass(frozen=True, kw_only=True)
class CutInfo:
    """A cut point of a built network.

    Attributes:
        name: What people read.
        layer: The layer whose output it is.
        stage_end: Whether the resolution drops behind it.
        shape: The shape of its features: (h, w, C) of a map, (T, C) of tokens.
        dtype: The type in which they are stored.
        work: The operations an image from the input up to it (see ``flops.Work``).
        frozen_layers: The layers with weights before it.
        leading_tokens: The tokens before those of the patches, of which the first is the class token; 0 for maps.
    """

    name: str
    layer: str
    stage_end: bool
    shape: tuple[int, ...]
    dtype: str
    work: float
    frozen_layers: tuple[str, ...] = ()
    leading_tokens: int = 0

    @property
    def has_tokens(self) -> bool:
        """Whether its features are tokens, not a map."""
        return len(self.shape) == 2

    @property
    def channels(self) -> int:
        """The channels of its features: the width of their average."""
        return self.shape[-1]

    @property
    def pooled_width(self) -> int:
        """The columns of its pooled features as they are stored (see ``Feature``)."""
        return self.channels if self.has_tokens and not self.leading_tokens else 2 * self.channels

    def columns(self, pooling: Pooling) -> slice:
        """Give the columns of its stored pooled features that a pooling takes.

        What the features do not have is replaced by their average: the class token of a map, say, where the features of
        a map are joined with those of tokens.
        """
        if pooling == "avgmax":
            return slice(None)
        if pooling == "class_token" and self.leading_tokens:
            return slice(self.channels, None)
        return slice(self.channels)


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
        form: ``map`` is the feature map, or the tokens, in its stored type. ``pool`` is float32 (N, 2 * C), averages
            over space, then maxima; of tokens the averages over the patches, then the class token, or (N, C) where
            there is none.
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
