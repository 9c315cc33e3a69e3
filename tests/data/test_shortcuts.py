"""Colours that give a class away in training only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.data import shortcuts
from tlsearch.data.checks import check
from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.data.near_duplicates.fingerprint import COLOURS, image_fingerprint
from tlsearch.data.shortcuts import areas_under_roc, find_shortcuts


def make_index(shifts: dict[str, float], counts: dict[str, int], number: int = 2, seed: int = 0) -> DatasetIndex:
    """Three classes whose colours are noise of spread 10; of class b the statistic ``number`` is shifted, by so much
    in each part."""
    rng = np.random.default_rng(seed)
    images = []
    for part, count in counts.items():
        for row in range(3 * count):
            colours = rng.normal(100, 10, len(COLOURS))
            colours[number] += shifts.get(part, 0.0) * (row % 3 == 1)
            path = f"{part}/{'abc'[row % 3]}/{row:03}.png"
            images.append(
                ImageRecord(
                    path=path, label=row % 3, sha256=path, width=9, height=9, split=part, colours=tuple(colours)
                )
            )
    return DatasetIndex(root=Path("root"), classes=("a", "b", "c"), images=tuple(images), skipped=())


def test_areas_under_roc() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert areas_under_roc(values, np.array([0, 0, 1, 1]), 2).tolist() == [0.0, 1.0]
    assert areas_under_roc(values, np.array([1, 0, 0, 1]), 2).tolist() == [0.5, 0.5]
    assert areas_under_roc(values, np.array([1, 0, 1, 0]), 2)[1] == 0.25
    assert areas_under_roc(np.zeros(4), np.array([1, 0, 0, 0]), 2)[1] == 0.5
    assert np.isnan(areas_under_roc(values, np.zeros(4, int), 2)).tolist() == [True, True]


def test_areas_are_the_shares_of_pairs() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.integers(0, 9, 60).astype(float), rng.integers(0, 5, 60)
    for label, area in enumerate(areas_under_roc(values, labels, 5)):
        mine, others = values[labels == label][:, None], values[labels != label]
        assert area == pytest.approx(np.mean((mine > others) + (mine == others) / 2))


def test_all_classes_share_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred classes take as many rankings as three: a thousand would take minutes otherwise."""
    calls: list[int] = []

    def counted(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
        calls.append(classes)
        return areas_under_roc(values, labels, classes)

    monkeypatch.setattr(shortcuts, "areas_under_roc", counted)
    few = make_index({"train": 40}, {"train": 30, "test": 10})
    images = [replace(image, label=row % 100) for row, image in enumerate(few.images * 40)]
    many = replace(few, classes=tuple(f"{n:02}" for n in range(100)), images=tuple(images))
    assert len(find_shortcuts(few)) == 1
    assert find_shortcuts(many) == []
    assert calls == [3] * 2 * len(COLOURS) + [100] * 2 * len(COLOURS)


@pytest.mark.parametrize(("shift", "number"), [(40, 2), (-40, 8)])
@pytest.mark.parametrize("part", ["test", "val"])
def test_a_colour_in_training_only_is_named(shift: float, number: int, part: str) -> None:
    (clue,) = find_shortcuts(make_index({"train": shift}, {"train": 30, part: 10}, number))
    assert (clue.label, clue.statistic, clue.part) == (1, COLOURS[number], part)
    assert abs(clue.trained - 0.5) > 0.4
    assert (clue.trained > 0.5) is (shift > 0)
    assert 0.2 < clue.elsewhere < 0.8


@pytest.mark.parametrize(
    ("shifts", "counts"),
    [
        ({}, {"train": 30, "test": 10}),
        ({"train": 40, "test": 40}, {"train": 30, "test": 10}),  # a colour of the class itself
        ({"train": 8}, {"train": 30, "test": 10}),  # too weak to tell the class
        ({"train": 40}, {"train": 30}),  # nothing to compare with
        ({"train": 40}, {"train": 30, "test": 4}),
        ({"train": 40}, {"train": 9, "test": 10}),
    ],
)
def test_nothing_is_named_without_reason(shifts: dict[str, float], counts: dict[str, int]) -> None:
    assert find_shortcuts(make_index(shifts, counts)) == []


def test_chance_names_hardly_anything() -> None:
    """Three classes, 21 statistics, 100 data sets without a clue."""
    assert sum(bool(find_shortcuts(make_index({}, {"train": 12, "test": 5}, seed=seed))) for seed in range(100)) <= 2


def test_the_finding_names_class_statistic_figures_and_files() -> None:
    index = make_index({"train": 100}, {"train": 30, "test": 10})
    (finding,) = [finding for finding in check(index) if finding.kind == "colour_shortcut"]
    assert finding.severity == "warning"
    assert finding.message.startswith(
        "class b is given away by a colour in training only: the mean blue over the picture tells it from the others "
        "with an AUC of 1.00 in training and 0."
    )
    assert finding.message.endswith(" in test")
    assert [path.split("/")[:2] for path in finding.files] == [["train", "b"]] * 3 + [["test", "b"]] * 3
    value = {image.path: image.colours[2] for image in index.images}
    there = [image.path for image in index.images if image.split == "train" and image.label == 1]
    assert sorted(there, key=lambda path: -value[path])[:3] == list(finding.files[:3])


def test_a_tint_is_found_in_pictures() -> None:
    """Pictures of random colours and brightness; in training those of one class are seen in warm light."""
    rng = np.random.default_rng(0)
    images = []
    for part, count in (("train", 20), ("test", 8)):
        for row in range(2 * count):
            pixels = rng.integers(0, 256, (5, 5, 3)) * rng.uniform(0.5, 1)
            if part == "train" and row % 2:
                pixels = pixels * [1, 0.75, 0.55]
            picture = Image.fromarray(pixels.astype(np.uint8)).resize((90, 90), Image.Resampling.BICUBIC)
            record = ImageRecord(
                path=f"{part}/{row}", label=row % 2, sha256=f"{part}{row}", width=90, height=90, split=part
            )
            images.append(replace(record, colours=image_fingerprint(picture).colours))
    clues = find_shortcuts(DatasetIndex(root=Path("root"), classes=("a", "b"), images=tuple(images), skipped=()))
    assert {clue.label for clue in clues} == {0, 1}
    assert all("share of" in clue.statistic for clue in clues)
