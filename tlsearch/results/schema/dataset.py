"""The images that a run read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tlsearch.data.aspect import FAR_FROM_SQUARE
from tlsearch.data.findings import Finding
from tlsearch.folders.walk import Skipped
from tlsearch.utils.files import moved_path


@dataclass(frozen=True, kw_only=True)
class Resizing:
    """How images became squares, and what it was chosen by.

    Attributes:
        mode: `squash`, `pad` or `crop`.
        asked: What was asked for: one of these, or `auto`.
        aspect: The median of long side / short side over the training images.
        scores: What was measured, by mode: the accuracy of a linear probe, cross-validated on training images. It is
            empty where nothing was measured.
        stderr: The standard error of the difference between the best mode and `squash`.
        candidate: The network whose features were probed.
        not_measured: Why nothing was measured although the images are far from square.
    """

    mode: str
    asked: str
    aspect: float
    scores: Mapping[str, float] = field(default_factory=dict)
    stderr: float | None = None
    candidate: str | None = None
    not_measured: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the way is to be measured: it was left open, and images are far from square."""
        return self.asked == "auto" and self.aspect >= FAR_FROM_SQUARE


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What the run read. ``counts`` is split -> class -> number of images."""

    path: str
    fingerprint: str
    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    skipped: tuple[Skipped, ...] = ()
    findings: tuple[Finding, ...] = ()
    resizing: Resizing | None = None

    def moved(self, before: Path, now: Path) -> Dataset:
        """Give the same where the output folder was moved, if the images were moved with it."""
        place = moved_path(Path(self.path), before, now)
        return self if place == Path(self.path) else replace(self, path=str(place))

    def total(self, split: str) -> int:
        """The number of images of a split; 0 where there is no such split."""
        return sum(self.counts.get(split, {}).values())
