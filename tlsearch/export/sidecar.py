"""``FILE.json`` beside an exported file: what a program needs besides the network to answer as ``predict`` does.

The same thresholds stand among the metadata inside the file, as texts. The sidecar has them as numbers, with the scores
that thresholds of every other coverage are read from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.export.contract import DISTANCE_NAME, ExportedNetwork, Precision
from tlsearch.predictor import Predictor
from tlsearch.stats.prediction_sets import LEVELS
from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.uncertainty.reference import TrainingReference
from tlsearch.utils import serialize

SETS_KEY = "prediction_sets"
"""The entry of a file's metadata with the thresholds of prediction sets by coverage, a JSON object."""

UNLIKE_KEY = "unlike_above"
"""The entry of a file's metadata with the distance above which a picture is unlike the training images."""


@dataclass(frozen=True, kw_only=True)
class SidecarSets:
    """How prediction sets are made.

    The classes of a picture are taken from the most probable on, each as long as the probability of all classes before
    it is at most the threshold.

    Attributes:
        thresholds: That threshold by coverage; None where every class is taken, for there are too few images.
        scores: Sorted: the threshold of any coverage c is the one at place ceil(c * (groups + 1) / groups * m) of m,
            counted from 1; it is infinite where groups are fewer than c / (1 - c).
        groups: The independent groups of images that the scores come from.
        images: The images.
        reason: What they come from, for people.
    """

    thresholds: Mapping[str, float | None]
    scores: tuple[float, ...]
    groups: int
    images: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class SidecarUnlike:
    """How a picture unlike the training images is told.

    Attributes:
        output: The output of the network with the distance from the training images.
        above: Pictures with a larger distance are unlike them.
        false_alarms: The share of pictures like the training images that are.
        images: The reference images that are inside the file.
    """

    output: str
    above: float
    false_alarms: float
    images: int


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What ``FILE.json`` holds.

    Attributes:
        file: The name of the file.
        format: Its format.
        precision: That of its weights.
        labels: The names of the classes, in the order of the probabilities.
        temperature: What is inside the file: logits are divided by it; 1 where there is none.
        prediction_sets: None where the model has no scores to make them by.
        unlike: None where the file has no output that tells it (``--unlike`` adds one).
        metadata: What the file says of itself, how a picture becomes a square among it.
        model: The SHA-256 of the ``model.keras`` that was exported.
    """

    file: str
    format: str
    precision: Precision
    labels: tuple[str, ...]
    temperature: float
    prediction_sets: SidecarSets | None
    unlike: SidecarUnlike | None
    metadata: Mapping[str, str]
    model: str

    def text(self) -> str:
        """Give the content of the file."""
        return json.dumps(serialize.STRICT.encode(self), indent=1, ensure_ascii=False) + "\n"


def sidecar_of(predictor: Predictor, network: ExportedNetwork, form: str, precision: Precision, file: str) -> Sidecar:
    """Make the sidecar of a file.

    Args:
        predictor: The model that was exported.
        network: The network as it was exported.
        form: The name of the format.
        precision: That of the weights.
        file: The name of the file.
    """
    temperature, reference = predictor.applied_temperature(), predictor.reference
    return Sidecar(
        file=file,
        format=form,
        precision=precision,
        labels=network.labels,
        temperature=1.0 if temperature is None else temperature.value,
        prediction_sets=None if predictor.conformal is None else _sets(predictor.conformal),
        unlike=_unlike(reference) if network.has_distance and reference is not None else None,
        metadata=network.metadata,
        model=network.source,
    )


def thresholds(scores: ConformalScores) -> dict[str, float | None]:
    """Give the threshold of each coverage that a report shows, None where it is infinite."""
    found = {f"{level:g}": scores.threshold(level) for level in LEVELS}
    return {level: None if math.isinf(value) else value for level, value in found.items()}


def _sets(scores: ConformalScores) -> SidecarSets:
    return SidecarSets(
        thresholds=thresholds(scores),
        scores=scores.scores,
        groups=scores.groups,
        images=scores.images,
        reason=scores.reason,
    )


def _unlike(reference: TrainingReference) -> SidecarUnlike:
    return SidecarUnlike(
        output=DISTANCE_NAME,
        above=reference.furthest,
        false_alarms=reference.false_alarms,
        images=len(reference.images),
    )
