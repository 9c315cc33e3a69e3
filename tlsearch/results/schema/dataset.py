"""The images that a run read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.data.findings import Finding
from tlsearch.folders.walk import Skipped


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What the run read. ``counts`` is split -> class -> number of images."""

    path: str
    fingerprint: str
    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    skipped: tuple[Skipped, ...] = ()
    findings: tuple[Finding, ...] = ()

    def total(self, split: str) -> int:
        """The number of images of a split; 0 where there is no such split."""
        return sum(self.counts.get(split, {}).values())
