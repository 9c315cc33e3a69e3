"""test once: the winner, the best linear probe and what was trained from scratch, each from its saved model on the
original files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlsearch.errors import RunError
from tlsearch.pipeline.context import RunContext
from tlsearch.predictor import model_megabytes
from tlsearch.results.schema.evidence import Confusion, Mistake
from tlsearch.runs.ledger import fingerprint_of
from tlsearch.stats.claims import Claims, Estimate, estimate, make_claims
from tlsearch.training.trial import Outcome

GALLERY = 24
"""Mistakes that the report shows."""

SCRATCH = "scratch "
"""What the name of a model begins with that was trained from scratch and is not the baseline."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """What the test split said, the only time that it was asked.

    ``scratch`` has the figures of the networks from scratch that are not the baseline, by architecture. ``opened`` is
    how often this test set has been opened, this time included. ``probabilities``, shape (N, classes), are the winner's
    for the images of the classes ``labels``, shape (N,).
    """

    claims: Claims
    confusion: Confusion
    ms_per_image: float | None
    megabytes: float
    accuracy: Estimate
    scratch: Mapping[str, Estimate]
    opened: int
    labels: IntArray
    probabilities: FloatArray


def evaluate_once(context: RunContext, models: Mapping[str, Path]) -> Evaluation:
    """Open the test split: ``models`` are the folders of "winner", "linear_probe", where there is one "baseline", and
    "scratch ARCHITECTURE" for what else was trained from scratch.

    The ledger is written before any test file is read.
    """
    index, split, metric = context.data.index, context.data.split, context.data.metric
    opened = _note(context)
    labels = np.asarray([index.images[row].label for row in split.test])
    said, latency = _ask(context, models)
    guess = {name: probabilities.argmax(axis=1) for name, probabilities in said.items()}
    groups = [split.groups[row] for row in split.test]
    claims = make_claims(
        labels, guess["winner"], guess["linear_probe"], guess.get("baseline"), metric, context.config.seed, groups
    )
    return Evaluation(
        claims,
        _confusion(index.classes, labels, guess["winner"]),
        latency,
        model_megabytes(models["winner"]),
        estimate(labels, guess["winner"], groups=groups),
        {
            name.removeprefix(SCRATCH): estimate(labels, guess[name], metric, groups=groups)
            for name in models
            if name.startswith(SCRATCH)
        },
        opened,
        labels,
        said["winner"],
    )


def _note(context: RunContext) -> int:
    """Write the opening into the ledger; gives how often this test set has been opened."""
    index = context.data.index
    fingerprint = fingerprint_of(index.images[row].sha256 for row in context.data.split.test)
    names = str(index.root), str(context.output), context.parent_run
    opened: int = context.checkpoint.get_or_compute(
        ("opened", fingerprint), int, lambda: context.tracker.ledger.evaluate_once(fingerprint, *names)
    )
    return opened


def _ask(context: RunContext, models: Mapping[str, Path]) -> tuple[dict[str, FloatArray], float | None]:
    """Probabilities (N, classes) by each saved model from the original files, and the winner's milliseconds an
    image."""
    index, rows = context.data.index, context.data.split.test
    files = [str(index.file(row)) for row in rows]
    said: dict[str, FloatArray] = {}
    latency = None
    for name, folder in models.items():
        context.reporter.progress("test", len(said), len(models), f"{name.replace('_', ' ')} on {len(files)} images")
        probabilities, milliseconds = context.worker.call(
            "test", folder=str(folder), files=files, latency=name == "winner"
        )
        said[name] = np.asarray(probabilities, np.float64)
        if not np.isfinite(said[name]).all():
            raise RunError("Test images that were read before can no longer be read; restore them and run again.")
        latency = milliseconds if milliseconds is not None else latency
    return said, latency


def _confusion(classes: tuple[str, ...], labels: IntArray, guess: IntArray) -> Confusion:
    size = len(classes)
    matrix = np.bincount(labels * size + guess, minlength=size * size).reshape(size, size)
    return Confusion(classes, tuple(tuple(int(n) for n in row) for row in matrix))


def worst_mistakes(context: RunContext, outcome: Outcome | None) -> tuple[Mistake, ...]:
    """Validation images that the winner got most confidently wrong; test images are never looked at for this."""
    if outcome is None:
        return ()
    index, pool = context.data.index, context.data.pool
    mistakes = []
    for position, said in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
        image = index.images[pool[int(position)]]
        guess = int(said.argmax())
        if guess != image.label:
            names: Sequence[str] = index.classes
            mistakes.append(Mistake(image.path, names[image.label], names[guess], float(said[guess])))
    return tuple(sorted(mistakes, key=lambda m: -m.probability)[:GALLERY])
