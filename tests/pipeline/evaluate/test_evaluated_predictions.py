"""What the winner predicted for each test image is kept in an order that only the contents decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.pipeline.contexts import make_data
from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.evaluate import predictions_of
from tlsearch.runs.ledger import fingerprint_of

HASHES = ("d", "b", "a", "e", "c", "f")
LABELS = (0, 0, 1, 1, 0, 1)


def data_of(order: tuple[int, ...], groups: tuple[int, ...]) -> Data:
    """Data whose test part are the images ``order``, in files that are named by their place there."""
    images = tuple(
        ImageRecord(path=f"{place}.png", label=LABELS[i], sha256=HASHES[i], width=9, height=9)
        for place, i in enumerate(order)
    )
    index = DatasetIndex(root=Path("/data"), classes=("cat", "dog"), images=images, skipped=())
    rows = tuple(range(len(order)))
    return make_data(LABELS[: len(order)], test=rows, val=(), groups=groups, index=index)


def probabilities(order: tuple[int, ...], predicted: dict[str, int]) -> np.ndarray[Any, Any]:
    return np.eye(2)[[predicted[HASHES[i]] for i in order]]


def test_the_order_is_that_of_the_contents() -> None:
    predicted = dict(zip("abcdef", (1, 1, 0, 0, 1, 0), strict=True))
    order = (0, 1, 2, 3)
    predictions = predictions_of(data_of(order, (0, 1, 0, 3)), probabilities(order, predicted))
    assert predictions.true == (1, 0, 0, 1)  # a, b, d, e
    assert predictions.predicted == (1, 1, 0, 1)
    assert predictions.groups == (0, 1, 0, 2)  # a and d belong together
    assert predictions.fingerprint == fingerprint_of("abde")


def test_files_in_another_order_give_the_same_predictions() -> None:
    predicted = dict(zip("abcdef", (1, 1, 0, 0, 1, 0), strict=True))
    one = predictions_of(data_of((0, 1, 2, 3), (0, 1, 0, 3)), probabilities((0, 1, 2, 3), predicted))
    other = predictions_of(data_of((3, 2, 1, 0), (0, 1, 2, 1)), probabilities((3, 2, 1, 0), predicted))
    assert other == one
    assert replace(other, predicted=()) != one


def test_other_images_have_another_fingerprint() -> None:
    predicted = dict.fromkeys("abcdef", 0)
    one = predictions_of(data_of((0, 1, 2, 3), (0, 1, 2, 3)), probabilities((0, 1, 2, 3), predicted))
    other = predictions_of(data_of((0, 1, 2, 5), (0, 1, 2, 3)), probabilities((0, 1, 2, 5), predicted))
    assert other.fingerprint != one.fingerprint
