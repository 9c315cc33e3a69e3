"""Counting what is asked of frozen layers: how often their output is read, and how much of it is computed.

The unit is a pass: one image through the whole network. An image that goes up to a cut only counts as the share of the
network's work that lies before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tlsearch.features.view import View
from tlsearch.types import AnyArray


@dataclass(frozen=True)
class Amount:
    """A number of images, and what they weigh in passes."""

    images: int = 0
    passes: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        """Give both together."""
        return Amount(self.images + other.images, self.passes + other.passes)


@dataclass(frozen=True)
class FrozenCounts:
    """What a network's frozen layers were asked for.

    Attributes:
        read: Counts an image each time that its features were read, by a training step, a validation or the fit of a
            head.
        asked: Counts an image once for each view in each job, a job being one trial, profile or examination: what the
            job would have computed if nothing were shared.
        computed: What really went through the network.
    """

    read: Amount = Amount()
    asked: Amount = Amount()
    computed: Amount = Amount()

    def __add__(self, other: FrozenCounts) -> FrozenCounts:
        """Give both together."""
        return FrozenCounts(self.read + other.read, self.asked + other.asked, self.computed + other.computed)


@dataclass
class PassCounter:
    """The counts of one job by the label of the network; ``take`` gives them and begins anew."""

    counts: dict[str, FrozenCounts] = field(default_factory=dict)
    _asked: dict[tuple[str, View], Amount] = field(default_factory=dict)

    def read(self, label: str, images: int, share: float) -> None:
        """Count that features of ``images`` were read that lie behind ``share`` of the network's work."""
        self._add(label, FrozenCounts(read=Amount(images, images * share)))

    def asked(self, label: str, view: View, images: int, share: float) -> None:
        """Count that a job wants the features of a view.

        Of several depths of one view only the deepest counts, for the others lie on its way.
        """
        known = self._asked.get((label, view), Amount())
        self._asked[label, view] = Amount(images, max(known.passes, images * share))

    def computed(self, label: str, images: int, share: float) -> None:
        """Count that ``images`` went through layers that are ``share`` of the network's work."""
        self._add(label, FrozenCounts(computed=Amount(images, images * share)))

    def take(self) -> dict[str, FrozenCounts]:
        """Give the counts since the last time, by label of the network."""
        for (label, _), amount in self._asked.items():
            self._add(label, FrozenCounts(asked=amount))
        counts, self.counts, self._asked = self.counts, {}, {}
        return counts

    def _add(self, label: str, counts: FrozenCounts) -> None:
        self.counts[label] = self.counts.get(label, FrozenCounts()) + counts


@dataclass(frozen=True)
class CountedRows:
    """Features by row of the pool; ``on_read`` gets the number of images that are read."""

    get: Callable[[np.ndarray[tuple[int], np.dtype[np.int64]]], AnyArray]
    on_read: Callable[[int], None]

    def take(self, index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> AnyArray:
        """The rows at ``index``, in that order."""
        self.on_read(len(index))
        return self.get(index)
