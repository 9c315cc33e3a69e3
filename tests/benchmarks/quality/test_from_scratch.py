"""The network from scratch against published figures: what is read, what is trained, and a quick run."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.fashion_mnist import NAMES, read_data, write_class_folders
from benchmarks.common.results import Result
from benchmarks.quality import from_scratch
from tlsearch.config import RunConfig
from tlsearch.pipeline.baseline.train import RATES, _spec

Quick = Callable[..., Result]


def write_idx(folder: Path, name: str, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(head + values.tobytes()))


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """Four idx files of ten classes: a bright bar, whose row tells the class, on noise."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 200), ("t10k", 60)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        pixels = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for picture, label in zip(pixels, labels, strict=True):
            picture[2 + 2 * label : 5 + 2 * label] += 150
        write_idx(tmp_path, f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(tmp_path, f"{part}-labels-idx1-ubyte.gz", labels)
    return tmp_path


def test_fashion_mnist_is_read_from_idx_files(idx_folder: Path) -> None:
    data = read_data(idx_folder, 100, 40, 0)
    assert data.train_pixels.shape == (100, 28, 28)
    assert data.test_labels.tolist() == [n % 10 for n in range(40)]
    assert len(data.fold.val) == 15
    assert {n % 10 for n in data.fold.val} == set(range(10))
    assert set(data.fold.val).isdisjoint(data.fold.train)
    with pytest.raises(SystemExit, match="dataset-fashion-mnist"):
        read_data(idx_folder / "nowhere", 10, 10, 0)


def test_fashion_mnist_is_written_as_class_folders(idx_folder: Path, tmp_path: Path) -> None:
    folder = write_class_folders(idx_folder, tmp_path / "fashion", 50)
    assert sorted(place.name for place in folder.iterdir()) == sorted(NAMES)
    files = sorted((folder / NAMES[3]).iterdir())
    assert [file.name for file in files] == [f"{number:05}.png" for number in range(3, 50, 10)]
    with Image.open(files[0]) as picture:
        assert (picture.size, picture.mode) == ((28, 28), "L")
        assert np.asarray(picture)[8:11].min() >= 150  # the bar of its class


def test_scratch_trains_what_a_run_trains() -> None:
    config = RunConfig(dataset=Path("images"), batch_size=32, seed=5)
    facts: Any = SimpleNamespace(candidate=SimpleNamespace(backbone="small_cnn", image_size=64), cuts=(1, 2, 3, 4))
    of_a_run = [_spec(config, "standard", facts, 700, rate) for rate in RATES]
    assert from_scratch.baseline_specs(4, 64, 700, 5) == of_a_run


def test_the_published_recipe_has_the_published_size(idx_folder: Path) -> None:
    figures = from_scratch.train_recipe(read_data(idx_folder, 60, 20, 0), 1, 0)
    assert figures["parameters"] == 493_772
    assert 0 <= figures["test"] <= 1


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run(quick: Quick, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_scratch, "RATES", (1e-3,))
    figures = quick(from_scratch.main).figures
    assert list(figures["models"]) == [
        "majority class",
        "linear probe on pixels",
        "small CNN, as the baseline",
        "published recipe, 48,000 images",
    ]
    assert figures["models"]["majority class"]["test"] == 0.1
    assert figures["models"]["linear probe on pixels"]["test"] > 0.9  # a bar on a row of its own tells the class
    ours = figures["models"]["small CNN, as the baseline"]["test"]
    assert figures["reached"] == pytest.approx(ours / 0.9343)
    assert "of the published 0.9343" in capsys.readouterr().out
