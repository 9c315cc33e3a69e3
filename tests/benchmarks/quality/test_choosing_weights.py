"""Weights that are compared on images: what is written, what is drawn, and a quick run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.common.results import Result
from benchmarks.figures.quality.networks import choosing_weights as rendered
from benchmarks.figures.quality.networks import choosing_weights_brief
from benchmarks.quality import choosing_weights

Quick = Callable[..., Result]

PHOTOGRAPHS = {"ImageNet": [[0.4, 0.02], [0.8, 0.02]], "grey": [[0.45, 0.02], [0.35, 0.02]]}
DIGITS = {"ImageNet": [[0.8, 0.01], [0.85, 0.01]], "grey": [[0.9, 0.01], [0.95, 0.01]]}


def figures() -> dict[str, Any]:
    """Figures of a network with two cut points."""
    shared = {"images": 900, "classes": 10, "image_size": 32, "cuts": ["early", "late"]}
    return {
        "backbone": "tiny",
        "source": {
            "name": "fashion",
            "images": 2000,
            "classes": 10,
            "image_size": 32,
            "epochs": 10.0,
            "accuracy": 0.85,
            "accuracy_ci95": [0.83, 0.87],
            "held_out": 1000,
            "seconds": 90.0,
        },
        "targets": {"clothing": {**shared, "probes": PHOTOGRAPHS}, "digits": {**shared, "probes": DIGITS}},
        "seconds": 120.0,
    }


def result() -> Result:
    return Result(
        benchmark="quality.choosing_weights",
        command="python -m benchmarks.quality.choosing_weights fashion clothing",
        commit="0123456789abcdef",
        machine={},
        date="2026-11-29T12:00:00+00:00",
        versions={},
        figures=figures(),
    )


def test_the_best_cut_and_the_last_are_told_of_each() -> None:
    text = rendered(result())
    assert "clothing: 900 images of 10 classes, 32 px | ImageNet | 0.800 ± 0.020 | `late` (2 of 2) | 0.800 |" in text
    assert "| fashion | 0.450 ± 0.020 | `early` (1 of 2) | 0.350 |" in text
    assert "10 epochs in 90 s; accuracy there 0.850 [0.830, 0.870] on 1,000 test images" in text
    assert choosing_weights_brief(result()) == (
        "clothing: ImageNet 0.800, fashion 0.450; digits: ImageNet 0.850, fashion 0.950"
    )
    assert choosing_weights.best(PHOTOGRAPHS["grey"]) == (1, 0.45, 0.02)


def test_the_picture_is_drawn_and_the_same_figures_give_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    choosing_weights.draw(figures(), first)
    choosing_weights.draw(figures(), second)
    assert first.read_bytes() == second.read_bytes()
    with Image.open(first) as picture:
        assert picture.width > 1.8 * picture.height  # two panels side by side


def test_the_digits_are_grey_pictures_of_28_px_in_a_folder_for_each(tmp_path: Path) -> None:
    folder = choosing_weights.write_digits(tmp_path / "digits")
    assert sorted(place.name for place in folder.iterdir()) == list("0123456789")
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 1797
    with Image.open(files[0]) as picture:
        assert (picture.size, picture.mode) == ((28, 28), "L")
        assert max(picture.tobytes()) > 200


def test_the_cache_folder_of_a_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", "before")
    with choosing_weights._cache_in(tmp_path):
        assert os.environ["TLSEARCH_CACHE_DIR"] == str(tmp_path)
    assert os.environ["TLSEARCH_CACHE_DIR"] == "before"
    monkeypatch.delenv("TLSEARCH_CACHE_DIR")
    with choosing_weights._cache_in(tmp_path):
        pass
    assert "TLSEARCH_CACHE_DIR" not in os.environ


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_quick_run(quick: Quick, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    found = quick(choosing_weights.main, "--backbone", "stub", "--picture", str(picture)).figures
    assert found["source"]["held_out"] > 0
    assert list(found["targets"]) == ["made-up-photographs", "digits"]
    for target in found["targets"].values():
        assert {len(probe) for probe in target["probes"].values()} == {3}
    assert picture.stat().st_size > 10_000
