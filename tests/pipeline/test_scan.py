"""From a folder to the pool that every trial works on, without a pixel of the test split in it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.sources import survey_of
from tests.helpers.pipeline.contexts import Heard, make_context
from tlsearch.data.images.pixels import open_pixels
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.messages import data_line
from tlsearch.pipeline.scan import load_data, pool_at, pool_digest, scan, starting_size
from tlsearch.runs.output import WORK_FOLDER


@pytest.mark.parametrize(
    ("default", "smallest", "median", "asked", "size"),
    [
        (224, 32, 500, None, 224),  # the default is the smaller
        (224, 32, 160, None, 160),
        (224, 32, 191, None, 160),  # rounded down to a multiple of 32
        (224, 32, 192, None, 192),
        (224, 32, 20, None, 32),  # never below the minimum
        (224, 75, 70, None, 75),
        (224, 32, 500, 100, 100),  # what was asked for, as it was asked for
        (224, 75, 500, 64, 75),
    ],
)
def test_starting_size(default: int, smallest: int, median: int, asked: int | None, size: int) -> None:
    assert starting_size(default, smallest, median, asked) == size


@pytest.mark.parametrize(
    ("median", "asked", "size"), [(160, None, 224), (500, None, 224), (100, None, 128), (32, None, 32), (160, 96, 96)]
)
def test_few_images_are_enlarged_towards_the_size_that_the_network_knows(
    median: int, asked: int | None, size: int
) -> None:
    assert starting_size(224, 32, median, asked, few=True) == size


def write(folder: Path, colours: dict[str, tuple[int, int, int]], count: int) -> None:
    """``count`` flat pictures of each class, each one shade apart from the one before."""
    for name, (red, green, blue) in colours.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (40, 40), (red, green, blue + number)).save(folder / name / f"{number}.png")


def test_a_run_shows_how_far_an_archive_is_unpacked(folders: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folders))
    heard = Heard()
    context = make_context(archive, heard=heard, checkpoint="../checkpoint", cache_dir=tmp_path / "cache")
    assert len(scan(context).images) == 32
    unpacking = [progress for progress in heard.progress if progress.text.startswith("unpacking pets.zip")]
    assert {progress.step for progress in unpacking} == {"data"}
    assert unpacking[-1].done == unpacking[-1].total == 1


@pytest.fixture(autouse=True)
def _few_images_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.data.source_parts.FEWEST_TO_CHOOSE_BY", 1)


def load(root: Path, work: Path, **options: Any) -> Data:
    """The images of ``root`` with the files of the pool in the folder ``work``."""
    context = replace(make_context(root, **options), output=work)
    context.work.mkdir(parents=True)
    return load_data(context, survey_of(root), 32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """User's split folders, in which red is training, green validation and blue, as nothing else is, test."""
    root = tmp_path_factory.mktemp("data")
    write(root / "train", {"a": (200, 0, 0), "b": (210, 0, 0)}, 8)
    write(root / "val", {"a": (0, 200, 0), "b": (0, 210, 0)}, 4)
    write(root / "test", {"a": (0, 0, 200), "b": (0, 0, 230)}, 4)
    return root


def test_no_file_holds_a_pixel_of_the_test_split(folders: Path, tmp_path: Path) -> None:
    data = load(folders, tmp_path / "work")
    work = tmp_path / "work" / WORK_FOLDER
    files = pool_at(data, [16, 32])
    assert sorted(p.name for p in work.iterdir()) == ["pool-16.npy", "pool-32.npy"]
    for file in files.values():
        pixels = np.asarray(open_pixels(file))
        assert len(pixels) == 24
        assert not (pixels[..., 2] > 100).any()  # the blue of the test pictures
        assert (pixels[:16, ..., 0] >= 200).all()
        assert (pixels[16:, ..., 1] >= 200).all()


def test_the_line_of_the_step_adds_up(folders: Path, tmp_path: Path) -> None:
    assert data_line(load(folders, tmp_path / "work")) == "2 classes, 32 images   train 16  val 8  test 8"
    write(tmp_path / "data", {"a": (200, 0, 0), "b": (0, 200, 0)}, 20)
    data = load(tmp_path / "data", tmp_path / "more", group_by=r"^(a)/\d\.")
    assert data_line(data).startswith("2 classes, 40 images (10 in 1 group kept together)   train ")
    assert re.search(r"train 3\d \(compared on 5 folds of them\)  test \d+$", data_line(data))


def test_the_pool_is_training_then_validation(folders: Path, tmp_path: Path) -> None:
    data = load(folders, tmp_path / "work")
    assert data.fold.train == tuple(range(16))
    assert data.fold.val == tuple(range(16, 24))
    assert data.pool == (*data.split.train, *data.split.val)
    assert not set(data.pool) & set(data.split.test)
    assert data.labels == (0,) * 8 + (1,) * 8 + (0,) * 4 + (1,) * 4
    pixels = open_pixels(data.pixels)
    for place, row in enumerate(data.pool):
        with Image.open(folders / data.index.images[row].path) as image:
            assert pixels[place, 0, 0].tolist() == list(image.getpixel((0, 0)))  # type: ignore[arg-type] # RGB gives three


def test_a_seeded_split_keeps_test_pixels_out_too(tmp_path: Path) -> None:
    write(tmp_path / "data", {"a": (200, 0, 0), "b": (0, 200, 0)}, 20)
    data = load(tmp_path / "data", tmp_path / "work")
    assert (len(data.split.train), len(data.split.val), len(data.split.test)) == (30, 0, 10)
    shades = {tuple(image[0, 0]) for image in open_pixels(data.pixels)}
    kept = {(200, 0, k) for k in range(20)} | {(0, 200, k) for k in range(20)}
    gone = set()
    for row in data.split.test:
        with Image.open(tmp_path / "data" / data.index.images[row].path) as image:
            gone.add(image.getpixel((0, 0)))
    assert shades == kept - gone
    assert len(gone) == 10


def test_few_images_are_compared_on_five_folds_of_the_pool(tmp_path: Path) -> None:
    write(tmp_path / "data", {"a": (200, 0, 0), "b": (0, 200, 0)}, 20)
    data = load(tmp_path / "data", tmp_path / "work")
    assert data.uses_folds
    assert len(data.folds) == 5
    assert sorted(p for fold in data.folds for p in fold.val) == list(range(30))
    for fold in data.folds:
        assert sorted((*fold.train, *fold.val)) == list(range(30))
        assert [data.labels[p] for p in fold.val].count(0) == 3
    assert data.training == data.whole.train == tuple(range(30))
    assert data.whole.val == ()


def test_a_validation_folder_is_the_only_fold(folders: Path, tmp_path: Path) -> None:
    data = load(folders, tmp_path / "work")
    assert not data.uses_folds
    assert data.folds == (data.fold,)
    assert data.training == tuple(range(16))
    assert data.whole.train == tuple(range(24))


@pytest.mark.parametrize(
    ("few", "asked", "metric"),
    [
        (12, None, "accuracy"),
        (4, None, "accuracy"),  # 12:4 is exactly 3:1
        (12, "macro_f1", "macro_f1"),
        (3, None, "balanced_accuracy"),
        (3, "accuracy", "accuracy"),
    ],
)
def test_above_three_to_one_balanced_accuracy_is_the_default(
    few: int, asked: str | None, metric: str, tmp_path: Path
) -> None:
    write(tmp_path / "data" / "train", {"a": (200, 0, 0)}, 12)
    write(tmp_path / "data" / "train", {"b": (0, 200, 0)}, few)
    for part, blue in (("val", 100), ("test", 200)):  # never decide: only training images count
        write(tmp_path / "data" / part, {"a": (200, 0, blue), "b": (0, 200, blue)}, 5)
    assert load(tmp_path / "data", tmp_path / "work", metric=asked).metric.name == metric


def test_the_digest_is_that_of_the_contents_in_order(folders: Path, tmp_path: Path) -> None:
    one = load(folders, tmp_path / "one")
    assert pool_digest(load(folders, tmp_path / "two")) == pool_digest(one)
    renamed = tmp_path / "elsewhere"
    write(renamed / "train", {"a": (200, 0, 0), "b": (210, 0, 0)}, 8)
    write(renamed / "val", {"a": (0, 200, 0), "b": (0, 210, 0)}, 4)
    write(renamed / "test", {"a": (0, 0, 100), "b": (0, 0, 130)}, 4)  # other test images
    assert pool_digest(load(renamed, tmp_path / "three")) == pool_digest(one)
    (renamed / "train" / "a" / "0.png").write_bytes((folders / "train" / "b" / "0.png").read_bytes() + b" ")
    assert pool_digest(load(renamed, tmp_path / "four")) != pool_digest(one)


def test_smaller_pools_are_made_once(folders: Path, tmp_path: Path) -> None:
    data = load(folders, tmp_path / "work")
    file = pool_at(data, [16])[16]
    before = file.stat().st_mtime_ns
    assert pool_at(data, [32, 16, 16]) == {16: file, 32: data.pixels}
    assert file.stat().st_mtime_ns == before
    assert open_pixels(file).shape == (24, 16, 16, 3)
