"""What the winner called each test image, in an order that does not depend on where the files lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.pipeline.context import Data
from tlsearch.results.schema.evidence import EvaluationPredictions
from tlsearch.runs.ledger import fingerprint_of


def predictions_of(data: Data, probabilities: npt.NDArray[np.float64]) -> EvaluationPredictions:
    """The answers behind ``probabilities``, shape (N, classes), for the N test images in the order of the split.

    Copies in the test set have one hash; of one class they are interchangeable, so class and position break the tie.
    """
    images, rows = data.index.images, data.split.test
    order = sorted(range(len(rows)), key=lambda place: (images[rows[place]].sha256, images[rows[place]].label, place))
    called = probabilities.argmax(axis=1)
    names = [data.split.groups[rows[place]] for place in order]
    number = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return EvaluationPredictions(
        fingerprint_of(images[row].sha256 for row in rows),
        tuple(images[rows[place]].label for place in order),
        tuple(int(called[place]) for place in order),
        tuple(number[name] for name in names),
    )
