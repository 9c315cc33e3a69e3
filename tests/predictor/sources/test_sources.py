"""What may be asked about: the same pixels give the same answer, whatever they come in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.models.asking import Array, equal, noise, problem
from tests.helpers.models.colour_model import write_model, write_picture
from tlsearch.errors import UsageError
from tlsearch.predictor import Predictor, load
from tlsearch.predictor.sources import memory, pictures_of
from tlsearch.predictor.sources.picture import Shape, read_pixels

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    "pixels",
    [
        noise(30, 40, 3),
        noise(30, 40),
        noise(30, 40, 4),
        noise(30, 40, high=65536, dtype=np.uint16),
        noise(30, 40, high=2, dtype=bool),
    ],
    ids=["RGB", "grey", "RGBA", "16 bits", "bool"],
)
def test_an_array_answers_as_the_file_with_the_same_pixels(pixels: Array, predictor: Predictor, tmp_path: Path) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert equal(predictor, pixels, tmp_path / "a.png")


def test_all_ranges_that_mean_the_same_pixels_give_the_same_answer(predictor: Predictor) -> None:
    pixels = noise(30, 40, 3)
    for same in (
        pixels.astype(np.int64),
        pixels.astype(np.float32),
        pixels / 255,
        (pixels / 255).astype(np.float32),
        pixels.astype(np.uint16) << 8,  # as RGB files of 16 bits are read
        SimpleNamespace(numpy=lambda: pixels),
    ):
        assert equal(predictor, pixels, same)
    grey = pixels[..., 0]
    assert equal(predictor, grey, grey[..., None])
    assert equal(predictor, grey, np.stack([grey] * 3, axis=-1))
    assert not equal(predictor, pixels, pixels // 2)


@pytest.mark.parametrize("wrap", [np.asarray, lambda array: Tensor(array)], ids=["array", "tensor"])
def test_pictures_of_one_array_have_one_range(wrap: Callable[[Array], Any], predictor: Predictor) -> None:
    """A dark picture does not say itself whether its values go to 1 or to 255."""
    pixels = np.stack([noise(12, 12, 3, high=2), noise(12, 12, 3), noise(12, 12, 3, high=2)])
    expected = predictor.probabilities(pixels)
    assert (predictor.probabilities(wrap(pixels.astype(np.float32))) == expected).all()
    dark = (pixels[0] / 255).astype(np.float32)  # of pictures that all go to 1
    assert (predictor.probabilities(wrap(np.stack([dark, dark]))) == expected[0]).all()
    greys = np.stack([noise(12, 12, high=high, dtype=np.int64) for high in (200, 60000)])[..., None]
    assert (squares(predictor, wrap(greys)) == squares(predictor, greys.astype(np.uint16))).all()


def squares(predictor: Predictor, items: Any) -> Array:
    """What the network sees of pictures, (N, S, S, 3)."""
    shape = Shape(size=predictor.image_size, base=predictor.decode_size, decoding=predictor.decoding)
    return np.stack([read_pixels(picture, shape)[1] for picture in pictures_of(items)])


class Tensor:
    """An array as other libraries have it."""

    ndim = 4

    def __init__(self, array: Array) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, number: int) -> SimpleNamespace:
        return SimpleNamespace(numpy=lambda: self._array[number])

    def numpy(self) -> Array:
        return self._array


def test_dark_greys_are_as_in_a_file_for_a_model_of_deep_greys(tmp_path: Path) -> None:
    """A run of arrays looks at all of them: a dark one among greys of 16 bits is one of 16 bits, too."""
    folder = write_model(tmp_path / "model")
    (folder / "config.json").write_text('{"image_size": 8, "decode_size": 12, "window": [0.0, 4000.0]}')
    dark, predictor = noise(20, 30, high=200).astype(np.uint16), load(folder)
    Image.fromarray(dark).save(tmp_path / "dark.png")
    expected = squares(predictor, tmp_path / "dark.png")
    for same in (dark, dark.astype(np.int64), dark.astype(np.float32)):
        assert (squares(predictor, same) == expected).all()
    assert (squares(predictor, dark.astype(np.uint8)) > expected).all()


def test_grey_floats_are_as_in_a_file_for_a_model_of_such_files(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "config.json").write_text('{"image_size": 8, "decode_size": 12, "window": [-40.0, 300.0]}')
    values = np.random.default_rng(1).uniform(-100, 400, (20, 30)).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert equal(load(folder), values, tmp_path / "a.tiff")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (np.zeros((3, 20, 30), np.uint8), "has the shape (3, 20, 30); move the channels to the end"),
        (np.zeros((20, 30, 2), np.uint8), "has the shape (20, 30, 2); give (H, W)"),
        (np.zeros((0, 30, 3), np.uint8), "it is empty"),
        (np.full((4, 4, 3), 256), "go from 256 to 256; bring them to 0..255"),
        (np.full((4, 4, 3), -0.5), "go from -0.5 to -0.5; bring them to 0..1 or 0..255"),
        (np.full((4, 4), np.nan), "not finite"),
        (np.zeros((4, 4), complex), "array of type complex128"),
        (7, "a int is no picture; give a path"),
        ({"a": 1}, "a dict is no picture"),
        (None, "a NoneType is no picture"),
        (b"", "it is empty"),
        (b"words", "text file"),
        (io.StringIO("words"), "open it in binary mode"),
        ("a\0b.png", "it does not exist"),
        ("nowhere/a.png", "it does not exist"),
    ],
)
def test_what_is_no_picture_gets_a_reason_and_stops_nothing(item: Any, words: str, predictor: Predictor) -> None:
    assert words in problem(predictor, item)
    assert [found.error is None for found in predictor.predict([noise(9, 9), item, noise(9, 9)])] == [True, False, True]


def test_what_can_never_be_a_picture_is_refused_at_once(predictor: Predictor) -> None:
    with pytest.raises(UsageError, match=r"^a int is no picture: give a path, an address"):
        predictor.stream(7)  # type: ignore[arg-type]
    for name, wrong in (("batch_size", 0), ("top", 0), ("workers", -1), ("batch_size", 2.5)):
        with pytest.raises(UsageError, match=f"^{name} is"):
            predictor.stream([], **{name: wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_bytes_open_files_and_pillow_images_answer_as_the_file(
    ending: str, predictor: Predictor, tmp_path: Path
) -> None:
    file = tmp_path / f"a.{ending}"
    Image.fromarray(noise(900, 1200, 3)).save(file)  # a JPEG of this size is decoded at a fraction
    data = file.read_bytes()
    with Image.open(file) as lazy, file.open("rb") as stream:
        for same in (str(file), data, bytearray(data), memoryview(data), io.BytesIO(data), stream, lazy):
            assert equal(predictor, file, same)
        (found,) = predictor.predict(io.BufferedReader(io.BytesIO(data)))
        assert found.name == "image 0"
    with file.open("rb") as stream:
        assert predictor.predict(stream)[0].name == str(file)


def test_a_pillow_image_counts_as_it_is_in_memory(predictor: Predictor, tmp_path: Path) -> None:
    pixels = noise(30, 40, 3)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=b"", quality=95)
    changed = Image.open(tmp_path / "a.jpg").rotate(90, expand=True)
    changed.save(tmp_path / "b.png")
    assert equal(predictor, changed, tmp_path / "b.png")
    assert not equal(predictor, changed, tmp_path / "a.jpg")
    for mode in ("L", "P", "RGBA", "CMYK", "I;16"):
        image = Image.fromarray(pixels).convert("L" if mode == "I;16" else mode).convert(mode)
        image.save(tmp_path / "c.tiff")
        assert equal(predictor, image, tmp_path / "c.tiff")


def test_a_picture_that_is_turned_by_its_exif_data_is_turned(predictor: Predictor, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(30, 40, 3)).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert equal(predictor, image, tmp_path / "a.png")


def test_iterables_hold_anything_and_iterables(predictor: Predictor, tmp_path: Path) -> None:
    red = write_picture(tmp_path / "red.png", (200, 0, 0))
    green = np.zeros((4, 4, 3), np.uint8) + np.array([0, 90, 0], np.uint8)

    def items() -> Iterator[Any]:
        yield red
        yield [green, (each for each in (str(red), green[None]))]
        yield np.array([str(red)])
        yield np.stack([green, green])

    found = predictor.predict(items(), batch_size=2)
    assert [item.label for item in found] == ["red", "green", "red", "green", "red", "green", "green"]
    assert [item.name for item in found] == [
        str(red), "image 1", str(red), "image 3", str(red), "image 5", "image 6",
    ]  # fmt: skip
    assert [item.path for item in found[:2]] == [red, None]
    assert predictor.predict([]) == []


def test_an_array_may_be_used_again_for_the_next_picture(predictor: Predictor) -> None:
    def frames() -> Iterator[Array]:
        frame = np.zeros((6, 6, 3), np.uint8)
        for channel in (0, 1, 2):
            frame[:] = 0
            frame[..., channel] = 200
            yield frame

    assert [item.label for item in predictor.predict(frames())] == ["red", "green", "blue"]


def test_what_is_too_large_to_be_held_is_refused(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_BYTES", 100)
    assert "it has more than 500 MB" in problem(predictor, bytes(101))
    assert "it has more than 500 MB" in problem(predictor, io.BytesIO(bytes(101)))


def test_items_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def items() -> Iterator[Array]:
        for number in range(10):
            taken.append(number)
            yield noise(4, 4)

    pictures = pictures_of(items())
    assert taken == []
    next(pictures)
    assert taken == [0]


@pytest.fixture
def stack() -> Callable[[int], Any]:
    """An array on a disk as libraries have it: it can be indexed, and is never read as a whole."""

    class Stored:
        ndim = 4

        def __init__(self, count: int) -> None:
            self.count = count

        def __len__(self) -> int:
            return self.count

        def __getitem__(self, number: int) -> Array:
            return np.full((4, 4, 3), number, np.uint8)

        def __array__(self, *_: Any, **__: Any) -> Array:
            raise AssertionError("it was read as a whole")

    return Stored


def test_an_array_on_a_disk_is_not_read_as_a_whole(stack: Callable[[int], Any], predictor: Predictor) -> None:
    assert [item.error for item in predictor.predict(stack(5))] == [None] * 5
