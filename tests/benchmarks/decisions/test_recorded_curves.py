"""Learning curves that are recorded: what is read, what is compared, and a quick run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.results import Result
from benchmarks.decisions import recorded_curves
from tlsearch.training.schedule import amount_trained

Quick = Callable[..., Result]


def test_digits_are_pictures_of_any_side() -> None:
    pixels, labels = recorded_curves.digits(32)
    assert pixels.shape == (1797, 32, 32, 3)
    assert pixels.max() > 200
    assert sorted(set(labels.tolist())) == list(range(10))


def test_photographs_have_the_classes_of_their_folders(tmp_path: Path) -> None:
    for part, name, value in (("train", "b", 200), ("test", "a", 50), ("test", "b", 200)):
        folder = tmp_path / part / name
        folder.mkdir(parents=True)
        Image.new("RGB", (20, 10), (value, value, value)).save(folder / "one.png")
    pixels, labels = recorded_curves.photographs(tmp_path, 8)
    assert pixels.shape == (3, 8, 8, 3)
    assert [int(pixels[i].mean()) for i in range(3)] == [50 if label == 0 else 200 for label in labels]
    with pytest.raises(SystemExit, match="no photographs"):
        recorded_curves.photographs(tmp_path / "empty", 8)


def test_what_was_left_is_compared_with_what_was_foreseen() -> None:
    at = [float(epoch) for epoch in range(1, 31)]
    curve = [0.1 * float(np.log2(amount)) + 0.4 for amount in amount_trained(at, 30)]
    averaged = {"averaged at": at[10:], "averaged": [score / 2 for score in curve[10:]]}
    same = {"source": "digits", "images": 100, "seed": 0}
    rows = recorded_curves.compared(
        [
            {**same, "epochs": 30, "at": at, "curve": curve, "end": curve[-1], **averaged},
            {**same, "epochs": 60, "at": [], "curve": [], "end": curve[-1] + 0.07},
        ],
        60,
    )
    (row,) = rows
    assert (row["epochs"], row["left"]) == (30, 7.0)
    assert row["said by the weights themselves"] == pytest.approx(11.0, abs=0.1)  # a doubling
    assert row["said"] == pytest.approx(5.5, abs=0.1)


# Keras converts its variables in a way that NumPy 2 warns of; the worker has its own filters.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run_records_curves(quick: Quick) -> None:
    figures = quick(recorded_curves.main).figures
    short, whole = figures["curves"]
    assert (short["epochs"], len(short["curve"])) == (8, 8)
    assert (whole["epochs"], len(whole["curve"])) == (9, 9)
    assert whole["averaged at"] == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]  # after a third of the schedule
    assert all(0 <= score <= 1 for score in whole["averaged"])
    (row,) = figures["rows"]
    assert row["left"] == pytest.approx(100 * (whole["end"] - short["end"]), abs=0.06)
