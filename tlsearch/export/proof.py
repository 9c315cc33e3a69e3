"""The proof of an exported file: what its runtime answers, beside what the model of the run answers.

The accuracy that exporting may have cost is bounded by Tango's interval for the paired difference (``stats.claims``),
which needs many images: where all answers are equal, 381 bound it by 1 point. Where fewer are at hand, a file is proven
too when it computes the same numbers but for rounding, for then no answer changes that was not a draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsearch.export.contract import Format, Precision, Runner
from tlsearch.export.distances import DistanceComparison
from tlsearch.export.images import LabelledFiles, batches
from tlsearch.export.speed import Timing
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.predictor import Predictor
from tlsearch.reporter import Reporter
from tlsearch.stats.claims import compare
from tlsearch.stats.metrics import EVERY_IMAGE
from tlsearch.types import Float32Array, Float64Array, Interval, LabelArray

TOLERATED = 0.01
"""The loss of accuracy that a proof must exclude: 1 point."""

ROUNDING = 1e-3
"""Probabilities that differ no more than this are equal but for rounding: only classes that lie within twice as much of
each other can change places."""

FAULT = 1e-2
"""A float32 file computes what the model computes. Where a probability differs by more, the conversion is wrong, even
if no answer of these images changes."""

BATCH = 32
"""Images that a runtime answers at once while a proof is made."""


@dataclass(frozen=True, kw_only=True)
class AnswerComparison:
    """The answers of a file beside those of the model, on the same images.

    Attributes:
        images: How many were compared.
        largest_difference: Of two probabilities of one class for one image; 1 where the file gives no numbers.
        equal_answers: The share of images with the same most probable class.
        accuracy: That of the file.
        model_accuracy: That of the model.
        difference: The first minus the second.
        ci95: Tango's interval for it.
        discordant: Images that only the file has right, and that only the model has right.
        without_numbers: Images for which the file gives something else than numbers.
    """

    images: int
    largest_difference: float
    equal_answers: float
    accuracy: float
    model_accuracy: float
    difference: float
    ci95: Interval
    discordant: tuple[int, int]
    without_numbers: int = 0


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What ``FILE.proof.json`` holds.

    Attributes:
        file: The name of the file.
        format: Its format.
        precision: That of its weights.
        proven: Whether the proof excludes a loss of 1 point, or the file is equal but for rounding.
        accepted: Whether a file that is not proven was asked for all the same.
        reason: Why it is proven, or why not, a sentence.
        source: Which images were compared.
        seen: Whether the model was trained on them: then both accuracies are optimistic, not their difference.
        comparison: The answers.
        megabytes: The size of the file in millions of bytes.
        timings: Milliseconds an image.
        runtime: What ran the file, with its version.
        machine: The machine that was timed.
        sha256: The hash of every part of the file, by its name.
        metadata: What the file says of itself.
        model: The SHA-256 of the ``model.keras`` that was exported.
        distance: The distances from the training images, where the file says them.
    """

    file: str
    format: str
    precision: Precision
    proven: bool
    accepted: bool
    reason: str
    source: str
    seen: bool
    comparison: AnswerComparison
    megabytes: float
    timings: tuple[Timing, ...]
    runtime: str
    machine: str
    sha256: Mapping[str, str]
    metadata: Mapping[str, str]
    model: str
    distance: DistanceComparison | None = None


def answers(
    predictor: Predictor, runners: Sequence[Runner], images: LabelledFiles, reporter: Reporter
) -> tuple[LabelArray, Float64Array, list[Float64Array]]:
    """Let the model and every runner answer the same images, each decoded once.

    Returns:
        The rows of ``images`` that could be read, the probabilities of the model, and those of each runner, all in the
        same order and of shape (N, classes).
    """
    temperature = predictor.applied_temperature()
    rows: list[LabelArray] = []
    ours: list[Float64Array] = []
    theirs: list[list[Float32Array]] = [[] for _ in runners]
    for batch in batches(predictor, images.files, BATCH):
        probabilities = np.asarray(predictor.model.predict_on_batch(batch.pixels), dtype=np.float64)
        ours.append(probabilities if temperature is None else divide_by_temperature(probabilities, temperature.value))
        rows.append(batch.rows)
        for runner, found in zip(runners, theirs, strict=True):
            found.append(runner(batch.pixels))
        reporter.progress("proof", int(batch.rows[-1]) + 1, len(images.files), "comparing answers")
    empty = np.zeros((0, len(predictor.labels)))
    joined = [np.concatenate([empty, *found]).astype(np.float64) for found in theirs]
    return np.concatenate([np.zeros(0, np.intp), *rows]), np.concatenate([empty, *ours]), joined


def compare_answers(
    truth: LabelArray, model: Float64Array, file: Float64Array, groups: LabelArray | None = None
) -> AnswerComparison:
    """Compare probabilities of shape (N, classes), N at least 1, on images of the classes ``truth``."""
    without = int((~np.isfinite(file).all(axis=1)).sum())
    by_model, by_file = model.argmax(axis=1), np.nan_to_num(file, nan=0.0).argmax(axis=1)
    found = compare(truth, by_file, by_model, EVERY_IMAGE, groups=groups)
    return AnswerComparison(
        images=len(truth),
        largest_difference=1.0 if without else float(np.abs(file - model).max()),
        equal_answers=float((by_model == by_file).mean()),
        accuracy=float((by_file == truth).mean()),
        model_accuracy=float((by_model == truth).mean()),
        difference=found.difference,
        ci95=found.ci95,
        discordant=found.discordant,
        without_numbers=without,
    )


def judge(found: AnswerComparison, precision: Precision, *, seen: bool = False) -> tuple[bool, str]:
    """Whether a file is proven, and why or why not, as a sentence.

    One that gives no numbers for an image is not, however few such images there are: whoever runs it could not use the
    answer, which counts here as one for the first class.

    On images that the model was trained on (``seen``) it is surer than on others, and a loss shows less: there only
    equal numbers prove a file.
    """
    lost, largest = 100 * found.ci95[0], found.largest_difference
    if found.without_numbers:
        other = "another format" if precision == "float32" else "another format or precision"
        return False, (
            f"Of {found.without_numbers:,} of {found.images:,} images the file gives no numbers: the conversion is "
            f"wrong, so use {other}."
        )
    if precision == "float32" and largest > FAULT:
        return False, (
            f"A probability differs by {largest:.3f} from the model's, where a float32 file computes the same numbers: "
            "the conversion is wrong, so use another format."
        )
    if largest == 0:
        return True, "All probabilities are equal to the last bit."
    if largest <= ROUNDING:
        return True, f"No probability differs by more than {largest:.1e}: the file computes the same but for rounding."
    if found.ci95[0] >= -TOLERATED and not seen:
        return True, f"The loss of accuracy is at most {max(0.0, -lost):.2f} points (95 % interval)."
    what = f"it may be up to {-lost:.2f} points (95 % interval), and less than 1 must be shown"
    out = "try --precision float16" if precision == "int8" else "try --precision float32"
    if precision == "float32":
        out = "try another format"
    if found.difference >= -TOLERATED and seen:
        return False, (
            "The model was trained on these images and is surer of them than of others, so they cannot bound the loss: "
            f"name other images with --images, {out}, or take the file as it is with --accept-loss."
        )
    if found.difference >= -TOLERATED:
        return False, (
            f"The loss of accuracy is not bounded by {found.images:,} images: {what}. Name more images with --images, "
            f"{out}, or take the file as it is with --accept-loss."
        )
    return False, (
        f"The file is {-100 * found.difference:.2f} points less accurate; {what}: {out}, or take it with --accept-loss."
    )


def size_of(form: Format, path: Path) -> int:
    """Give the bytes of an exported file, all its parts together."""
    files = [file for part in form.parts(path) for file in ([part] if part.is_file() else part.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())
