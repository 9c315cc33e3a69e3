"""Fashion-MNIST, read from the files of the Debian package dataset-fashion-mnist, and made-up images of its shape."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tlsearch.data.split import VAL_SHARE, Fold
from tlsearch.data.stratify import draw_stratified

FOLDER = Path("/usr/share/datasets/fashion-mnist")

NAMES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images (N, 28, 28) and class numbers (N,); ``fold`` holds positions in the training part."""

    train_pixels: Pixels
    train_labels: Labels
    test_pixels: Pixels
    test_labels: Labels
    fold: Fold


def read_data(folder: Path, images: int, tests: int, seed: int) -> Data:
    """The first ``images`` training and ``tests`` test images of the four idx files in ``folder``."""
    if not (folder / "train-images-idx3-ubyte.gz").exists():
        raise SystemExit(f"Fashion-MNIST is not in {folder}: install the Debian package dataset-fashion-mnist.")
    train, labels = (read_idx(folder / f"train-{name}-ubyte.gz")[:images] for name in ("images-idx3", "labels-idx1"))
    test, truth = (read_idx(folder / f"t10k-{name}-ubyte.gz")[:tests] for name in ("images-idx3", "labels-idx1"))
    return divide(train, labels.astype(np.int64), test, truth.astype(np.int64), seed)


def divide(train: Pixels, labels: Labels, test: Pixels, truth: Labels, seed: int) -> Data:
    """The images with a part of the training ones, class by class, set aside to validate."""
    val, rest = draw_stratified(labels.tolist(), range(len(labels)), (VAL_SHARE,), (seed,))
    return Data(
        train_pixels=train, train_labels=labels, test_pixels=test, test_labels=truth, fold=Fold(tuple(rest), tuple(val))
    )


def make_data(images: int, tests: int, seed: int) -> Data:
    """Synthetic images of ten classes: noise with a bright bar, whose row tells the class."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (images, tests):
        labels = np.arange(count) % len(NAMES)
        pixels = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            image[2 + 2 * label : 5 + 2 * label] += 150
        parts.append((pixels, labels))
    (train, known), (test, truth) = parts
    return divide(train, known, test, truth, seed)


def read_idx(file: Path) -> Pixels:
    """An idx file of bytes: four header bytes, of which the last is the number of axes, then their lengths."""
    raw = gzip.decompress(file.read_bytes())
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(tuple(int(n) for n in shape))


def write_files(pixels: Pixels, folder: Path) -> list[Path]:
    """One PNG file an image, in order."""
    folder.mkdir(parents=True)
    files = [folder / f"{number:05}.png" for number in range(len(pixels))]
    for image, file in zip(pixels, files, strict=True):
        Image.fromarray(image).save(file, compress_level=1)
    return files


def write_class_folders(source: Path, folder: Path, images: int) -> Path:
    """Write the first ``images`` training images in ``source`` as PNG files in a folder for each class; gives it."""
    pixels, labels = (read_idx(source / f"train-{name}-ubyte.gz")[:images] for name in ("images-idx3", "labels-idx1"))
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        place = folder / NAMES[int(label)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:05}.png", compress_level=1)
    return folder
