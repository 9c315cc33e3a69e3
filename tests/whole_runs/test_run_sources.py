"""The same images from another source give the same fingerprint, trials and values as from their folder."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tlsearch as package
from tests.helpers.small_run import MARKS, OPTIONS, TrialRecord, tlsearch

pytestmark = [*MARKS, pytest.mark.slow]

FEW = ("--trials", "3", *OPTIONS[4:], "--backbone", "tiny", "--baseline", "none", "--augment", "none")


def run_of(source: object, *options: object) -> TrialRecord:
    """A short search of ``source`` in the test's own folder."""
    done = tlsearch("run", source, *FEW, "--output", "out", *options)
    assert done.exit_code == 0, done.output
    return TrialRecord(Path.cwd(), done.output)


@pytest.fixture
def folder_run(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialRecord:
    monkeypatch.setattr("tlsearch.pipeline.confirm.MOST_FOLDS", 1)
    monkeypatch.setattr("tlsearch.pipeline.confirm.REPEATS", 0)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    record = run_of(images)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    return record


def files_of(images: Path) -> list[tuple[str, str]]:
    """(path, label) of every image, in order."""
    return [(file.relative_to(images).as_posix(), file.parent.name) for file in sorted(images.rglob("*.png"))]


def table(images: Path) -> list[object]:
    """A table of labels in another order, whose columns have names of their own."""
    with Path("labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows([("photo", "tree"), *reversed(files_of(images))])
    return ["labels.csv", "--images", images]


def metadata(images: Path) -> list[object]:
    """Hugging Face's layout: ``metadata.jsonl`` in the folder."""
    shutil.copytree(images, "set")
    lines = [json.dumps({"file_name": path, "label": label}) for path, label in files_of(images)]
    (Path("set") / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return ["set"]


def archive(images: Path) -> list[object]:
    return [shutil.make_archive("set", "zip", images)]


@pytest.mark.parametrize("source", [table, metadata, archive])
def test_another_source_of_the_same_images_gives_the_same_run(
    folder_run: TrialRecord, images: Path, source: Callable[[Path], list[object]]
) -> None:
    first, *options = source(images)
    other = run_of(first, *options)
    assert other.result.dataset.fingerprint == folder_run.result.dataset.fingerprint
    assert other.trials() == folder_run.trials()
    assert other.result.metrics.test == folder_run.result.metrics.test


def test_arrays_give_the_trials_of_the_folder_of_the_same_pixels(folder_run: TrialRecord, images: Path) -> None:
    found = files_of(images)
    pixels = np.stack([np.asarray(Image.open(images / path).convert("RGB")) for path, _ in found])
    config = package.RunConfig(
        dataset=(pixels, [label for _, label in found]),
        output=Path("out"),
        trials=3,
        epochs=2,
        batch_size=21,
        image_size=32,
        backbones=("tiny",),
        baseline="none",
        augment=("none",),
    )
    result = package.run(config)
    rows = [(row.number, row.spec, row.state, row.value) for row in result.trials if row.role == "trial"]
    assert rows == [row[:4] for row in folder_run.trials()]
