"""A search for pairs that ends early where a class is swallowed gives what a search to the end gives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from tests.helpers.images.fixed_camera import scene, shot
from tlsearch.data.near_duplicates import find, found_pairs, near_pairs
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.fingerprint import ImageFingerprint, image_fingerprint
from tlsearch.data.near_duplicates.look_alikes import pairs_that_count, settled_rows
from tlsearch.data.near_duplicates.rules import crops
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.data.near_duplicates.unions import join
from tlsearch.types import IntArray

CAMERA = 120


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions are as small beside these pictures as those of a run are beside many thousands."""
    monkeypatch.setattr(found_pairs, "_FIRST_LOOK", 64)
    monkeypatch.setattr(find, "_FEWEST", 16)
    monkeypatch.setattr(find, "ALIGNED", 16)
    monkeypatch.setattr(near_pairs, "_ROWS", 8)
    monkeypatch.setattr(near_pairs, "_COLUMNS", 32)


def found(looks: Sequence[ImageFingerprint], labels: Sequence[int] | None) -> IntArray:
    classes = None if labels is None else np.array(labels)
    with FingerprintStore(len(looks)) as store:
        for look in looks:
            store.add(look)
        return find_near_duplicates(
            store, classes=classes, settled=None if labels is None else partial(settled_rows, labels=labels)
        )


@pytest.fixture(scope="module")
def looks() -> list[ImageFingerprint]:
    """Many pictures of one camera, and two each of as many other scenes."""
    camera = [shot(scene(0), seed) for seed in range(CAMERA)]
    others = [shot(scene(1 + place), 1000 + 2 * place + again) for place in range(CAMERA) for again in (0, 1)]
    return [image_fingerprint(picture) for picture in camera + others]


@pytest.fixture(scope="module")
def every(looks: list[ImageFingerprint]) -> IntArray:
    """All pairs of pictures that look alike."""
    return found(looks, None)


def labels_of(kind: str, count: int) -> list[int]:
    """Which pictures are of which of three classes."""
    camera, others = [0] * CAMERA, [1 + place // 2 % 2 for place in range(count - CAMERA)]
    if kind == "most of the camera's in one class":
        camera = [0 if place % 10 else 1 for place in range(CAMERA)]
    elif kind == "the camera's in all classes":
        camera = [place % 3 for place in range(CAMERA)]
    elif kind == "a class of its own and another":
        others = [0 if place < 80 else label for place, label in enumerate(others)]
    return camera + others


@pytest.mark.parametrize(
    "kind",
    [
        "a class of its own",
        "most of the camera's in one class",
        "the camera's in all classes",
        "a class of its own and another",
    ],
)
def test_the_same_pairs_count_and_the_same_is_said(looks: list[ImageFingerprint], every: IntArray, kind: str) -> None:
    labels = labels_of(kind, len(looks))
    paths = [f"{row}.png" for row in range(len(looks))]
    some = found(looks, labels)
    kept, warning = pairs_that_count(some, labels, "abc", paths)
    expected, expected_warning = pairs_that_count(every, labels, "abc", paths)
    assert warning == expected_warning
    assert warning is not None
    assert join(len(looks), kept) == join(len(looks), expected)
    assert {tuple(pair) for pair in kept.tolist()} <= {tuple(pair) for pair in expected.tolist()}
    assert kept[kept[:, 0] >= CAMERA].tolist() == expected[expected[:, 0] >= CAMERA].tolist()
    assert len(some) < len(every) / 2


def test_of_a_swallowed_class_few_pairs_are_kept_and_few_are_compared(
    looks: list[ImageFingerprint], every: IntArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0

    def spy(store: FingerprintStore, ones: IntArray, others: IntArray) -> near_pairs.Pairs:
        nonlocal compared
        compared += len(ones)
        return crops(store, ones, others)

    labels = labels_of("a class of its own", len(looks))
    monkeypatch.setattr(find, "crops", spy)
    some = found(looks, labels)
    inside = (every < CAMERA).all(axis=1)
    assert inside.sum() > 0.9 * CAMERA * (CAMERA - 1) / 2
    assert (some < CAMERA).all(axis=1).sum() < inside.sum() / 4
    assert np.isin(every[~inside], some).all()
    assert compared < inside.sum() / 4
