"""Pictures of more than 8 bits: one window for the whole data set, kept with the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.sources import survey_of
from tlsearch.data.images.decode import read_square
from tlsearch.data.images.deep_greys import window_of
from tlsearch.data.images.pixels import decode_all, open_pixels
from tlsearch.data.images.rgb import Decoding


@pytest.mark.parametrize(
    ("ranges", "window"),
    [
        ([(0, 4000), (100, 3000)], (0, 4095)),  # 12 bits
        ([(10, 60000)], (0, 65535)),
        ([(0, 200)], (0, 255)),
        ([(630, 2309)], (630, 2309)),  # less than half of 12 bits
        ([(-1000, 3000), (-900, 1200)], (-1000, 3000)),  # signed, as in CT
        ([(0.1, 0.9)], (0, 1)),
        ([(0.4, 0.5)], (0.4, 0.5)),
        ([(7, 7)], (7, 8)),
        ([], None),
    ],
)
def test_the_window(ranges: list[tuple[float, float]], window: tuple[float, float] | None) -> None:
    assert window_of(ranges) == window


def write(root: Path, kind: str) -> None:
    """Two classes of four pictures each, told apart by their brightness."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        for number in range(4):
            values = rng.integers(200, 400, (40, 40)) + 400 * label
            file = root / name / f"{number}.{'png' if kind == 'uint16' else 'tif'}"
            file.parent.mkdir(parents=True, exist_ok=True)
            if kind == "int16":
                Image.fromarray((values - 1000).astype(np.int32)).save(file)
            else:
                Image.fromarray(values.astype(kind)).save(file)


@pytest.mark.parametrize("kind", ["uint16", "int16", "float32"])
def test_faint_differences_are_seen_and_the_same_in_training_and_prediction(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "set"
    write(root, kind)
    found = survey_of(root)
    assert found.decoding.window is not None
    assert found.reading is not None
    assert found.reading.understood[-1].startswith("8 images of more than 8 bits: greys from ")
    index = decode_all(found, 32, tmp_path / "all.npy")
    pixels = open_pixels(tmp_path / "all.npy")
    means = [pixels[row].mean() for row in range(8)]
    assert min(means[4:]) - max(means[:4]) > 60  # of 255
    assert len(np.unique(pixels)) > 60
    for row in range(8):
        assert (pixels[row] == read_square(index.file(row), 32, decoding=index.decoding)).all()


def test_pictures_of_8_bits_have_no_window(tmp_path: Path) -> None:
    for number in range(8):
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("L", (40, 40), 20 * number).save(file)
    assert survey_of(tmp_path).decoding == Decoding()


def test_what_the_file_beside_a_model_says() -> None:
    assert Decoding.of({}) == Decoding()
    assert Decoding.of({"window": [0, 4095.0], "resize": "pad"}) == Decoding((0.0, 4095.0), "pad")
    assert Decoding.of({"max_pixels": 5000}).max_pixels == 5000
    for wrong in ({"resize": "stretch"}, {"window": [3, 3]}, {"max_pixels": "many"}, {"max_pixels": 0}):
        with pytest.raises(ValueError, match=r"resize|window|max_pixels"):
            Decoding.of(wrong)
