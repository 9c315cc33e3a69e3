"""Images that are far from square, whose classes show only where one way to make squares of them keeps what matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

NOISE = 18.0


def write_panoramas(folder: Path, count: int = 30, height: int = 64, seed: int = 0) -> Path:
    """Images of 3:1 in three classes that differ in their outer sixths only: stripes there stand, lie, or are none.

    To crop them leaves nothing of it.
    """
    rng = np.random.default_rng(seed)
    for label, name in enumerate(("standing", "lying", "plain")):
        for number in range(count):
            values = _background(rng, height, 3 * height)
            if label < 2:
                waves = np.sin(np.arange(height) * 2 * np.pi / 8 + rng.uniform(0, 6))
                pattern = 70 * (waves[None, : height // 2] if label == 0 else waves[:, None])
                values[:, : height // 2] += pattern[..., None]
                values[:, -(height // 2) :] += pattern[..., None]
            _save(values, folder / name / f"{number:03}.png")
    return folder


def write_shapes(folder: Path, count: int = 30, height: int = 64, seed: int = 0) -> Path:
    """Images of 1.6:1 to 4:1 with discs in the middle, or ellipses twice as wide as high, or twice as high as wide.

    To squash them makes one of the other, for images differ in their aspect ratio.
    """
    rng = np.random.default_rng(seed)
    for name, (across, down) in {"disc": (0.5, 0.5), "wide": (0.7, 0.35), "tall": (0.35, 0.7)}.items():
        for number in range(count):
            width = round(height * rng.uniform(1.6, 4.0))
            picture = Image.fromarray(_clipped(_background(rng, height, width)))
            rx, ry = (0.5 * height * part * rng.uniform(0.85, 1.1) for part in (across, down))
            x, y = width / 2 + rng.uniform(-3, 3), height / 2 + rng.uniform(-3, 3)
            ImageDraw.Draw(picture).ellipse((x - rx, y - ry, x + rx, y + ry), fill=(230, 220, 60))
            _write(picture, folder / name / f"{number:03}.png")
    return folder


def write_aspects(folder: Path, count: int = 20, height: int = 64, seed: int = 0) -> Path:
    """Soft colours in two classes that differ in nothing but the shape of the image: 1.6:1 and 4:1.

    To squash them, or to crop them, makes them alike.
    """
    rng = np.random.default_rng(seed)
    for name, aspect in (("short", 1.6), ("long", 4.0)):
        for number in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            picture = coarse.resize((round(aspect * height), height), Image.Resampling.BILINEAR)
            _write(picture, folder / name / f"{number:03}.png")
    return folder


def _background(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float64]:
    return 120 + rng.uniform(-25, 25, (1, 1, 3)) + rng.normal(0, NOISE, (height, width, 3))


def _clipped(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.asarray(values.clip(0, 255), np.uint8)


def _save(values: npt.NDArray[np.float64], file: Path) -> None:
    _write(Image.fromarray(_clipped(values)), file)


def _write(picture: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file)
