"""test once: the winner, the best linear probe and the baseline, each from its saved model on the original files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsearch.errors import RunError
from tlsearch.results.claims import Claims, Estimate, estimate, make_claims
from tlsearch.results.parts import Confusion, Mistake
from tlsearch.results.predictor import model_megabytes
from tlsearch.search.session import Session
from tlsearch.training.trial import Outcome

GALLERY = 24
"""Mistakes that the report shows."""


@dataclass(frozen=True)
class Proof:
    """What the test split said, the only time that it was asked."""

    claims: Claims
    confusion: Confusion
    ms_per_image: float | None
    megabytes: float
    accuracy: Estimate


def open_test(session: Session, models: Mapping[str, Path]) -> Proof:
    """Open the test split: ``models`` are the folders of "winner", "linear_probe" and, where there is one,
    "baseline"."""
    index, split = session.data.index, session.data.split
    files = [str(index.file(row)) for row in split.test]
    labels = np.asarray([index.images[row].label for row in split.test])
    said: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
    latency = None
    for name, folder in models.items():
        session.reporter.progress("test", len(said), len(models), f"{name} on {len(files)} images")
        probabilities, milliseconds = session.worker.call(
            "test", folder=str(folder), files=files, latency=name == "winner"
        )
        values = np.asarray(probabilities)
        if not np.isfinite(values).all():
            raise RunError("Test images that were read before can no longer be read; restore them and run again.")
        said[name] = values.argmax(axis=1)
        latency = milliseconds if milliseconds is not None else latency
    groups = [split.groups[row] for row in split.test]
    claims = make_claims(
        labels,
        said["winner"],
        said["linear_probe"],
        said.get("baseline"),
        session.data.metric,
        session.config.seed,
        groups,
    )
    size = len(index.classes)
    matrix = np.bincount(labels * size + said["winner"], minlength=size * size).reshape(size, size)
    rows = tuple(tuple(int(n) for n in row) for row in matrix)
    accuracy = estimate(labels, said["winner"], groups=groups)
    return Proof(claims, Confusion(index.classes, rows), latency, model_megabytes(models["winner"]), accuracy)


def worst_mistakes(session: Session, outcome: Outcome | None) -> tuple[Mistake, ...]:
    """Validation images that the winner got most confidently wrong; test images are never looked at for this."""
    if outcome is None:
        return ()
    index, pool = session.data.index, session.data.pool
    mistakes = []
    for position, said in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
        image = index.images[pool[int(position)]]
        guess = int(said.argmax())
        if guess != image.label:
            names: Sequence[str] = index.classes
            mistakes.append(Mistake(image.path, names[image.label], names[guess], float(said[guess])))
    return tuple(sorted(mistakes, key=lambda m: -m.probability)[:GALLERY])
