"""Picture files of every kind that decoding treats in its own way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_pictures(folder: Path) -> Path:
    """Write them into a new folder and give it."""
    folder.mkdir()
    rows, columns = np.mgrid[0:700, 0:900]
    photo = Image.fromarray(np.stack([rows // 3, columns // 4, (rows + columns) // 7], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "a large and turned.jpg", exif=exif)
    photo.resize((90, 40)).convert("P").save(folder / "b palette.gif")
    photo.resize((12, 12)).save(folder / "c base size.png")
    Image.new("RGBA", (30, 20), (0, 100, 200, 51)).save(folder / "d see-through.webp", lossless=True)
    Image.fromarray((rows[:90, :50] * 700).astype(np.uint16)).save(folder / "e deep grey.png")
    photo.convert("CMYK").save(folder / "f print.jpg")
    return folder
