"""New pictures are compared with the images that a model was trained on."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tlsearch.errors import UsageError
from tlsearch.monitoring.drift import compare_counts, compare_features, surprising_count
from tlsearch.monitoring.record import ClassShare, MonitorReport, UnlikePictures
from tlsearch.monitoring.words import TOO_FEW_PICTURES, sentence
from tlsearch.predictor import Predictor, load
from tlsearch.reporter import Reporter, SilentReporter
from tlsearch.types import Float32Array, IntArray
from tlsearch.uncertainty.reference import REFERENCE_FILE, TrainingReference
from tlsearch.utils.addresses import expand_home, is_address

LEVEL = 0.01
"""The share of folders like the training images of which it is said that the figures do not apply to them."""

SAMPLE = 1000
"""Pictures whose features are compared, drawn at random where there are more."""

EXAMPLES = 5
"""Unlike pictures that are named."""


def monitor(model_dir: Path | str, pictures: Sequence[Path | str], reporter: Reporter | None = None) -> MonitorReport:
    """Compare new pictures with the training images of a model, and say whether its figures still apply.

    Three things are compared with images that were held out when the model was made: how many pictures are unlike the
    training images, their features, and their predicted classes. Pictures are taken to be independent of each other:
    hundreds of frames of one film differ from the training images for that reason alone.

    Args:
        model_dir: The folder ``model`` of a run.
        pictures: Files and folders of new pictures.
        reporter: Is told how far it is.

    Returns:
        What was found.

    Raises:
        UsageError: The model has no reference images, a path does not exist, or no picture could be read.
    """
    # One of several folders that is mistyped must not be left out: it would change the answer.
    if missing := next((path for path in pictures if not is_address(path) and not _exists(path)), None):
        raise UsageError(f"{missing} does not exist: name an image file or a folder of images.")
    predictor, reporter = load(model_dir), reporter or SilentReporter()
    reference = predictor.reference
    if reference is None:
        raise UsageError(
            f"{predictor.folder} holds no {REFERENCE_FILE} to compare pictures with: run again to make a model that "
            "has one."
        )
    seen = look(predictor, pictures, reporter)
    if not seen.distances:
        raise UsageError(f"No picture can be read, beginning with {seen.why_unread}: name others.")
    return judge(predictor.labels, reference, seen, predictor.applied_coverage())


def _exists(path: Path | str) -> bool:
    try:
        return expand_home(Path(path)).exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


@dataclass(kw_only=True)
class Seen:
    """What was seen of the pictures.

    Attributes:
        distances: How far each is from the training images.
        classes: The number of the predicted class of each.
        sample: The features of some that were drawn at random, of shape (d,) each.
        farthest: Distances and names of some, those from which others are nearer.
        not_sure: How many have several classes in their prediction set.
        unread: How many could not be read; they are in nothing else.
        why_unread: The name of the first of them, and why.
    """

    distances: list[float] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    sample: list[Float32Array] = field(default_factory=list)
    farthest: list[tuple[float, str]] = field(default_factory=list)
    not_sure: int = 0
    unread: int = 0
    why_unread: str = ""


def look(predictor: Predictor, pictures: Sequence[Path | str], reporter: Reporter) -> Seen:
    """Predict pictures, and keep what is compared."""
    seen, rng = Seen(), np.random.default_rng(0)
    place = {label: number for number, label in enumerate(predictor.labels)}
    for number, (prediction, features) in enumerate(predictor.examine(pictures), 1):
        reporter.progress("monitor", number, number, "pictures")
        if prediction.label is None or features is None or prediction.distance is None:
            seen.unread += 1
            seen.why_unread = seen.why_unread or f"{prediction.name} ({prediction.error})"
            continue
        seen.classes.append(place[prediction.label])
        seen.not_sure += bool(prediction.not_sure)
        seen.distances.append(prediction.distance)
        heapq.heappush(seen.farthest, (prediction.distance, prediction.name))
        if len(seen.farthest) > EXAMPLES:
            heapq.heappop(seen.farthest)
        # Reservoir sampling: every picture has the same chance to be in the sample (Vitter, ACM TOMS 11, 1985).
        if len(seen.sample) < SAMPLE:
            seen.sample.append(features)
        elif (drawn := int(rng.integers(len(seen.distances)))) < SAMPLE:
            seen.sample[drawn] = features
    return seen


def judge(
    labels: Sequence[str], reference: TrainingReference, seen: Seen, coverage: float | None = None
) -> MonitorReport:
    """Compare what was seen of at least one picture with the images that were held out when the model was made.

    Args:
        labels: The class names of the model.
        reference: Its reference images.
        seen: The pictures.
        coverage: That of the prediction sets; None where the model has none.
    """
    unlike = _unlike(reference, seen)
    features = compare_features(reference.sample, np.stack(seen.sample))
    predicted = np.bincount(seen.classes, minlength=len(labels))
    classes = compare_counts(reference.predicted, predicted)
    report = MonitorReport(
        applies=True,
        too_few=False,
        sentence="",
        pictures=len(seen.distances),
        unread=seen.unread,
        unlike=unlike,
        features=features,
        classes=classes,
        shares=_shares(labels, reference.predicted, predicted),
        not_sure=None if coverage is None else seen.not_sure / len(seen.distances),
        coverage=coverage,
        level=LEVEL,
    )
    alarms = (report.differs(unlike.p_value), report.differs(features.p_value), report.differs(classes.p_value))
    too_few = report.pictures < TOO_FEW_PICTURES and not any(alarms)
    return replace(report, applies=not any(alarms), too_few=too_few, sentence=sentence(report, alarms))


def _unlike(reference: TrainingReference, seen: Seen) -> UnlikePictures:
    distances = np.asarray(seen.distances)
    count, expected = int(reference.unlike(distances).sum()), reference.false_alarms
    return UnlikePictures(
        count=count,
        share=count / len(distances),
        expected=expected,
        p_value=surprising_count(count, len(distances), len(reference.held_out), expected),
        examples=tuple(name for _, name in sorted(seen.farthest, reverse=True)[:count]),
    )


def _shares(labels: Sequence[str], before: IntArray, now: IntArray) -> tuple[ClassShare, ...]:
    """The share of each predicted class, the largest change first."""
    earlier, later = before / max(1, before.sum()), now / max(1, now.sum())
    order = np.argsort(-np.abs(later - earlier), kind="stable")
    return tuple(ClassShare(label=labels[c], before=float(earlier[c]), now=float(later[c])) for c in order)
