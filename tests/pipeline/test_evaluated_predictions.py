"""What the winner called each test image is kept in an order that only the contents decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.contexts import make_data
from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.evaluate import predictions_of
from tlsearch.runs.ledger import fingerprint_of

HASHES = ("d", "b", "a", "e", "c", "f")
LABELS = (0, 0, 1, 1, 0, 1)


def data_of(order: tuple[int, ...], groups: tuple[int, ...]) -> Data:
    """Data whose test part are the images ``order``, in files that are named by their place there."""
    images = tuple(ImageRecord(f"{place}.png", LABELS[i], HASHES[i], 9, 9) for place, i in enumerate(order))
    index = DatasetIndex(Path("/data"), ("cat", "dog"), images, ())
    rows = tuple(range(len(order)))
    return make_data(LABELS[: len(order)], test=rows, val=(), groups=groups, index=index)


def said(order: tuple[int, ...], called: dict[str, int]) -> np.ndarray[Any, Any]:
    return np.eye(2)[[called[HASHES[i]] for i in order]]


def test_the_order_is_that_of_the_contents() -> None:
    called = dict(zip("abcdef", (1, 1, 0, 0, 1, 0), strict=True))
    order = (0, 1, 2, 3)
    answers = predictions_of(data_of(order, (0, 1, 0, 3)), said(order, called))
    assert answers.true == (1, 0, 0, 1)  # a, b, d, e
    assert answers.called == (1, 1, 0, 1)
    assert answers.groups == (0, 1, 0, 2)  # a and d belong together
    assert answers.fingerprint == fingerprint_of("abde")


def test_files_in_another_order_give_the_same_answers() -> None:
    called = dict(zip("abcdef", (1, 1, 0, 0, 1, 0), strict=True))
    one = predictions_of(data_of((0, 1, 2, 3), (0, 1, 0, 3)), said((0, 1, 2, 3), called))
    other = predictions_of(data_of((3, 2, 1, 0), (0, 1, 2, 1)), said((3, 2, 1, 0), called))
    assert other == one
    assert replace(other, called=()) != one


def test_other_images_have_another_fingerprint() -> None:
    called = dict.fromkeys("abcdef", 0)
    one = predictions_of(data_of((0, 1, 2, 3), (0, 1, 2, 3)), said((0, 1, 2, 3), called))
    other = predictions_of(data_of((0, 1, 2, 5), (0, 1, 2, 3)), said((0, 1, 2, 5), called))
    assert other.fingerprint != one.fingerprint
