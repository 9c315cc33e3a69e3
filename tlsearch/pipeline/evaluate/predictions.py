"""What single images were taken for: the worst mistakes on validation, and the predictions behind the figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tlsearch.pipeline.context import Data
from tlsearch.results.schema import EvaluationPredictions, Mistake
from tlsearch.runs.ledger import fingerprint_of
from tlsearch.training.trial import Outcome

GALLERY = 24
"""Mistakes that the report shows."""


def worst_mistakes(data: Data, outcome: Outcome | None) -> tuple[Mistake, ...]:
    """Validation images that the winner got most confidently wrong; test images are never looked at for this."""
    if outcome is None:
        return ()
    index, pool = data.index, data.pool
    mistakes = []
    for position, probabilities in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
        image = index.images[pool[int(position)]]
        predicted = int(probabilities.argmax())
        if predicted != image.label:
            names: Sequence[str] = index.classes
            mistakes.append(
                Mistake(
                    path=image.path,
                    true=names[image.label],
                    predicted=names[predicted],
                    probability=float(probabilities[predicted]),
                )
            )
    return tuple(sorted(mistakes, key=lambda m: -m.probability)[:GALLERY])


def predictions_of(data: Data, probabilities: npt.NDArray[np.float64]) -> EvaluationPredictions:
    """The predictions behind ``probabilities``, shape (N, classes), for the N test images in the order of the split.

    Copies in the test set have one hash; of one class they are interchangeable, so class and position break the tie.
    """
    images, rows = data.index.images, data.split.test
    order = sorted(range(len(rows)), key=lambda place: (images[rows[place]].sha256, images[rows[place]].label, place))
    predicted = probabilities.argmax(axis=1)
    names = [data.split.groups[rows[place]] for place in order]
    number = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return EvaluationPredictions(
        fingerprint=fingerprint_of(images[row].sha256 for row in rows),
        true=tuple(images[rows[place]].label for place in order),
        predicted=tuple(int(predicted[place]) for place in order),
        groups=tuple(number[name] for name in names),
    )
