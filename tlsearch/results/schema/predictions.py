"""What the winner predicted, image by image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Confusion:
    """The winner on test: ``matrix[i][j]`` images of class ``labels[i]`` were predicted as ``labels[j]``."""

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class EvaluationPredictions:
    """What the winner predicted for each test image: runs on the same test images are compared image by image.

    Images come in the order of their content hashes, wherever they lay; none is named. ``fingerprint`` is that of the
    test images in the ledger. ``true`` and ``predicted`` are class numbers; images with equal numbers in ``groups``
    belong together.
    """

    fingerprint: str
    true: tuple[int, ...]
    predicted: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A validation image that the winner got wrong; ``probability`` is what it gave ``predicted``."""

    path: str
    true: str
    predicted: str
    probability: float
