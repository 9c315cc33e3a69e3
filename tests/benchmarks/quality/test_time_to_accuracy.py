"""A quick contest at equal seconds; the division into training and test images; what the medians say."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result, read_result
from benchmarks.common.synthetic_images import write_images
from benchmarks.quality import time_to_accuracy

Quick = Callable[..., Result]


@pytest.mark.slow
def test_a_quick_contest(quick: Quick, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    found = quick(time_to_accuracy.main, "--picture", str(picture)).figures
    (attempt,) = found["attempts"]
    assert 20 <= attempt["seconds"] < 120  # both schedules have the whole time
    assert 0 <= attempt["balanced"] <= 1
    assert found["summary"][0]["accuracy"] == round(attempt["accuracy"], 4)
    assert picture.stat().st_size > 10_000


def test_attempts_of_this_machine_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int, int]] = []

    def attempt(name: str, images: Path, limit: int, seed: int, options: argparse.Namespace) -> dict[str, float]:
        made.append((name, limit, seed))
        return {"seconds": 1.0, "accuracy": 0.5, "balanced": len(made) / 10}

    monkeypatch.setattr(time_to_accuracy, "_attempt", attempt)
    images = write_images(tmp_path / "images", {"": 60}, 32, 0)
    command = [str(images), "--contestants", "tlsearch", "--limits", "20", "40", "--work", str(tmp_path / "work")]

    def contest(file: str, *more: str) -> list[float]:
        time_to_accuracy.main([*command, *more, "--result", str(tmp_path / file)])
        return [row["balanced"] for row in read_result(tmp_path / file).figures["attempts"]]

    assert contest("first.json", "--seeds", "1") == [0.1, 0.2]
    assert contest("again.json", "--seeds", "2") == [0.1, 0.2, 0.3, 0.4]
    assert made == [("tlsearch", limit, seed) for seed in (0, 1) for limit in (20, 40)]
    assert contest("larger.json", "--seeds", "1", "--image-size", "64") == [0.5, 0.6]
    monkeypatch.setattr(time_to_accuracy, "machine_facts", lambda: {"processor": "another"})
    assert contest("elsewhere.json", "--seeds", "1") == [0.7, 0.8]


def test_every_image_is_on_one_side_and_every_class_on_both(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"": 60}, 32, 0)
    divided = time_to_accuracy.divide(images, tmp_path / "divided", seed=1)
    parts = {part: sorted((divided / part).rglob("*.jpg")) for part in ("train", "test")}
    assert (len(parts["train"]), len(parts["test"])) == (45, 15)  # below 600 images a quarter is for testing
    assert all(len({file.parent.name for file in files}) == 10 for files in parts.values())
    contents = [file.read_bytes() for files in parts.values() for file in files]
    assert sorted(contents) == sorted(file.read_bytes() for file in images.rglob("*.jpg"))


def test_another_seed_divides_otherwise_and_the_same_one_alike(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"": 60}, 32, 0)
    tested = [
        sorted(file.name for file in (time_to_accuracy.divide(images, tmp_path / str(n), seed) / "test").rglob("*.jpg"))
        for n, seed in enumerate((1, 1, 2))
    ]
    assert tested[0] == tested[1] != tested[2]


def test_the_summary_has_the_median_of_each_cell() -> None:
    rows = [
        {"dataset": "a", "seed": seed, "limit": 60, "contestant": name, "seconds": 50, "accuracy": x, "balanced": x / 2}
        for name, values in (("tlsearch", (0.9, 0.5, 0.8)), ("random search", (0.4, 0.2, 0.6)))
        for seed, x in enumerate(values)
    ]
    assert time_to_accuracy.summarize(rows) == [
        {"dataset": "a", "limit": 60, "contestant": "tlsearch", "seconds": 50, "accuracy": 0.8, "balanced": 0.4},
        {"dataset": "a", "limit": 60, "contestant": "random search", "seconds": 50, "accuracy": 0.4, "balanced": 0.2},
    ]


def test_a_contestant_whose_packages_are_missing_is_left_out_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(time_to_accuracy.NEEDS, "fastai", ("json", "no_such_torch"))
    options = time_to_accuracy.read_options(["pictures", "--contestants", "fastai", "Keras tutorial"])
    assert options.contestants == ["Keras tutorial"]
    assert capsys.readouterr().err == (
        "fastai is left out: no_such_torch is not installed (pip install no_such_torch).\n"
    )


def test_without_any_contestant_there_is_no_contest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(time_to_accuracy.NEEDS, "fastai", ("no_such_torch",))
    with pytest.raises(SystemExit) as stopped:
        time_to_accuracy.read_options(["pictures", "--contestants", "fastai"])
    assert stopped.value.code == 2
    assert "no contestant is left" in capsys.readouterr().err


def test_a_contestant_whose_packages_are_here_takes_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(time_to_accuracy.NEEDS, "fastai", ("json",))
    assert "fastai" in time_to_accuracy.read_options(["pictures"]).contestants
    assert capsys.readouterr().err == ""
