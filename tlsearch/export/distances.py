"""Files that say how far a picture is from the training images: which may, and the proof that they say it rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from tlsearch.errors import UsageError
from tlsearch.export.contract import Format, Precision, Runner
from tlsearch.export.images import LabelledFiles, batches
from tlsearch.predictor import Predictor

FAULT = 0.02
"""A float32 file computes the distances of the model, of which 1 is that behind which 5 of 100 images lie. Where one
differs by more, the conversion is wrong."""

BATCH = 32
"""Images that are compared at once."""


@runtime_checkable
class SaysDistance(Protocol):
    """A format whose files may have the distances as a second output."""

    def open_distance(self, path: Path, threads: int | None) -> Runner:
        """Open the file for them: RGB values (N, S, S, 3) to distances (N,)."""


@dataclass(frozen=True, kw_only=True)
class DistanceComparison:
    """The distances of a file beside those of the model, on the same images.

    Attributes:
        images: How many were compared.
        largest_difference: Of two distances of one image; None where the file gives no numbers.
        equal_answers: The share of images of which both say alike whether they are unlike the training images.
    """

    images: int
    largest_difference: float | None
    equal_answers: float

    @property
    def holds(self) -> bool:
        """Whether the file computes what the model computes."""
        return self.largest_difference is not None and self.largest_difference <= FAULT

    @property
    def fault(self) -> str:
        """Say in a sentence that it does not compute that."""
        by = "is no number" if self.largest_difference is None else f"differs by {self.largest_difference:.3f}"
        return (
            f"A distance from the training images {by} beside the model's: the conversion is wrong, leave --unlike out."
        )


def require_distance(forms: Sequence[Format], precision: Precision) -> None:
    """Check that files of these formats can have distances.

    Raises:
        UsageError: A format or the precision cannot.
    """
    other = next((form.name for form in forms if not isinstance(form, SaysDistance)), None)
    if other is not None or precision != "float32":
        what = f"the format {other}" if other is not None else f"the precision {precision}"
        raise UsageError(
            f"--unlike is for onnx in float32, and not for {what}: leave it out, or choose --format onnx alone and "
            "--precision float32."
        )


def compare_distances(
    predictor: Predictor, form: Format, path: Path, images: LabelledFiles
) -> DistanceComparison | None:
    """Let the model and the file say how far the same images are; None where none can be read."""
    reference = predictor.reference
    if not isinstance(form, SaysDistance) or reference is None:
        raise AssertionError("unreachable: the network would not have been given distances")
    run, ours, theirs = form.open_distance(path, None), [np.zeros(0)], [np.zeros(0)]
    for batch in batches(predictor, images.files, BATCH):
        answers = predictor.network.answers(batch.pixels.astype(np.uint8), BATCH)
        ours.append(np.array([answer.distance for answer in answers], np.float64))
        theirs.append(np.asarray(run(batch.pixels), np.float64))
    model, file = np.concatenate(ours), np.concatenate(theirs)
    if not len(model):
        return None
    return DistanceComparison(
        images=len(model),
        largest_difference=float(np.abs(file - model).max()) if np.isfinite(file).all() else None,
        equal_answers=float((reference.unlike(model) == (file > reference.furthest)).mean()),
    )
