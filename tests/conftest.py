"""Small data sets made on the fly, shared by all tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

MakeDataset = Callable[..., Path]


def texture(label: int, size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """uint8 (size, size, 3): stripes whose direction, width and colour depend on ``label``, with noise.

    Phase and noise come from ``rng``, so that no two pictures are equal and a class has to be learned.
    """
    rows, columns = np.mgrid[0:size, 0:size] / size
    angle = label * 2.4
    waves = 3 + 2 * (label % 3)
    phase = rng.uniform(0, 2 * np.pi)
    stripes = np.sin(2 * np.pi * waves * (rows * np.sin(angle) + columns * np.cos(angle)) + phase)
    colour = 40 * np.array([np.cos(label), np.cos(label + 2), np.cos(label + 4)])
    pixels = 128 + 50 * stripes[..., None] + colour + rng.normal(0, 12, (size, size, 3))
    return np.asarray(pixels.clip(0, 255), dtype=np.uint8)


def write_dataset(
    folder: Path,
    classes: Sequence[str] = ("ash", "birch", "cedar"),
    per_class: int = 12,
    size: int = 48,
    splits: Sequence[str] = (),
    seed: int = 0,
    suffix: str = ".png",
) -> Path:
    """Write ``per_class`` pictures of every class, in every split folder where ``splits`` names some.

    The layout is ``folder/dataset/[split/]class/NNN.png``; gives ``folder/dataset``. The same arguments write
    the same bytes.
    """
    root = folder / "dataset"
    rng = np.random.default_rng(seed)
    for part in splits or ("",):
        for label, name in enumerate(classes):
            target = root / part / name
            target.mkdir(parents=True)
            for number in range(per_class):
                Image.fromarray(texture(label, size, rng)).save(target / f"{number:03}{suffix}")
    return root


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """The function ``write_dataset``: ``make_dataset(tmp_path, classes=..., per_class=..., size=...)``."""
    return write_dataset
