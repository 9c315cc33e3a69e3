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
from tests.helpers.small_run import MARKS, TrialRecord, run_as_a_user

pytestmark = [*MARKS, pytest.mark.slow]

FEW = ("--trials", "3", "--baseline", "none", "--augment", "none")


def run_of(source: object, home: Path, site: Path, *options: object) -> TrialRecord:
    """A short search of ``source`` that starts in ``home``."""
    run_as_a_user(Path(str(source)), home, site, *FEW, *map(str, options))
    return TrialRecord.of(home)


@pytest.fixture
def folder_run(once: Callable[[str, Callable[[Path], None]], Path], images: Path, site: Path) -> TrialRecord:
    """The run of the folder of images, one for all tests."""
    return TrialRecord.of(once("folder-run", lambda home: run_as_a_user(images, home, site, *FEW)))


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
    folder_run: TrialRecord, images: Path, site: Path, source: Callable[[Path], list[object]]
) -> None:
    first, *options = source(images)
    other = run_of(first, Path.cwd(), site, *options)
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
