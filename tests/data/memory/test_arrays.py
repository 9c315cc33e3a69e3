"""Images in memory give what a folder of the same images gives; what cannot serve is one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDataset, texture
from tlsearch.config import RunConfig
from tlsearch.data.index import DatasetIndex
from tlsearch.data.memory.arrays import images_in_folder, write_images
from tlsearch.data.survey import scan
from tlsearch.errors import UsageError

COUNT, SIZE = 12, 24


def images(count: int = COUNT, size: int = SIZE) -> Any:
    rng = np.random.default_rng(0)
    return np.stack([texture(number % 3, size, rng) for number in range(count)])


def labels(count: int = COUNT) -> list[int]:
    return [number % 3 for number in range(count)]


def contents(index: DatasetIndex) -> list[tuple[str, bytes]]:
    """The label and the pixels of every image, in order."""
    found = []
    for row, image in enumerate(index.images):
        with Image.open(index.file(row)) as opened:
            found.append((index.classes[image.label], np.asarray(opened).tobytes()))
    return found


def as_folder(root: Path, arrays: Any, names: list[str]) -> Path:
    for number, (image, name) in enumerate(zip(arrays, names, strict=True)):
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / name / f"{number:03d}.png")
    return root


@pytest.mark.parametrize(
    ("given", "assumed"),
    [
        (lambda a: a, "pixels 0..255"),
        (list, "pixels 0..255"),
        (lambda a: a.astype(np.int64), "pixels 0..255"),
        (lambda a: a / 255, "floats taken as 0..1"),
        (lambda a: (a / 255).astype(np.float32), "floats taken as 0..1"),
        (lambda a: a.astype(np.float32), "floats taken as 0..255 and rounded"),
        (lambda a: [Image.fromarray(image) for image in a], "pixels 0..255"),
        (
            lambda a: [image / 255 if number % 2 else image for number, image in enumerate(a)],
            "pixels 0..255 and floats",
        ),
    ],
    ids=["uint8", "list", "int64", "unit", "float32", "0..255", "Pillow", "mixed"],
)
def test_arrays_give_what_their_folder_gives(tmp_path: Path, given: Any, assumed: str) -> None:
    folder, said = write_images((given(images()), labels()), tmp_path / "cache")
    index = scan(folder)
    expected = scan(as_folder(tmp_path / "folder", images(), [str(label) for label in labels()]))
    assert contents(index) == contents(expected)
    assert index.labels == expected.labels
    assert index.classes == expected.classes
    assert assumed in said[0]
    assert said[0].startswith("12 images in memory, ")


@pytest.mark.parametrize("shape", [(COUNT, SIZE, SIZE), (COUNT, SIZE, SIZE, 1)])
def test_grey_images(tmp_path: Path, shape: tuple[int, ...]) -> None:
    grey = images()[..., 0]
    folder, _ = write_images((grey.reshape(shape), labels()), tmp_path / "cache")
    expected = as_folder(tmp_path / "folder", grey, [str(label) for label in labels()])
    assert contents(scan(folder)) == contents(scan(expected))


def test_greys_of_16_bits_are_kept_as_they_are(tmp_path: Path) -> None:
    grey = images()[..., 0].astype(np.uint16) * 16
    folder, said = write_images((grey, labels()), tmp_path / "cache")
    expected = as_folder(tmp_path / "folder", grey, [str(label) for label in labels()])
    assert contents(scan(folder)) == contents(scan(expected))
    assert "grey pixels of 16 bits" in said[0]
    pictures = [Image.fromarray(image) for image in grey]
    assert contents(scan(write_images((pictures, labels()), tmp_path / "cache")[0])) == contents(scan(expected))


def test_booleans_and_images_of_different_sizes(tmp_path: Path) -> None:
    sizes = [16 + number for number in range(COUNT)]
    arrays = [images(1, size)[0] for size in sizes[:-1]] + [np.eye(27, dtype=bool)]
    index = scan(write_images((arrays, labels()), tmp_path)[0])
    assert sorted(image.width for image in index.images) == sizes
    drawn = [np.asarray(Image.open(index.file(row))) for row in range(COUNT) if index.images[row].width == 27]
    assert np.array_equal(drawn[0], np.eye(27, dtype=np.uint8) * 255)


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (labels(), ("0", "1", "2")),
        (np.array(labels())[:, None], ("0", "1", "2")),
        (np.array(labels(), float), ("0", "1", "2")),
        (np.eye(3)[labels()], ("0", "1", "2")),
        ([5 + 5 * label for label in labels()], ("05", "10", "15")),  # 10 comes after 5
        ([("cat", "dog", "Übel")[label] for label in labels()], ("cat", "dog", "Übel")),
        (np.array([b"cat", b"dog", b"cow"])[labels()], ("cat", "cow", "dog")),
        ([("train", "test", "masks")[label] for label in labels()], ("masks", "test", "train")),
    ],
    ids=["ints", "column", "floats", "one-hot", "tens", "texts", "bytes", "names of parts"],
)
def test_labels_become_classes(tmp_path: Path, given: Any, classes: tuple[str, ...]) -> None:
    config, _ = images_in_folder(RunConfig(dataset=(images(), given), cache_dir=tmp_path))
    from tlsearch.data.options import reading_options

    index = scan(config.source, reading=reading_options(config))
    assert index.classes == classes
    assert list(index.counts.values()) == [4, 4, 4]
    assert not index.has_splits


def test_the_same_images_are_written_once(tmp_path: Path) -> None:
    first, _ = write_images((images(), labels()), tmp_path)
    before = {file: file.stat().st_mtime_ns for file in first.rglob("*.png")}
    assert write_images((list(images()), labels()), tmp_path)[0] == first
    assert {file: file.stat().st_mtime_ns for file in first.rglob("*.png")} == before
    for changed in ((images()[::-1], labels()), (images(), labels()[::-1]), (images() // 2, labels())):
        assert write_images(changed, tmp_path)[0] != first


def test_the_file_of_a_run_names_the_folder(tmp_path: Path) -> None:
    config, _ = images_in_folder(RunConfig(dataset=(images(), labels()), cache_dir=tmp_path / "cache"))
    config.to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml") == config
    assert isinstance(config.dataset, Path)
    assert config.dataset.is_relative_to(tmp_path / "cache" / "sources")
    assert config.effective_experiment == "arrays"
    with pytest.raises(UsageError, match=r"in memory: only tlsearch\.run and tlsearch\.plan take them"):
        RunConfig(dataset=(images(), labels())).to_toml(tmp_path / "other.toml")


def test_a_folder_stays_as_it_is(tmp_path: Path, make_dataset: MakeDataset) -> None:
    config = RunConfig(dataset=make_dataset(tmp_path))
    assert images_in_folder(config) == (config, ())


NOT_A_NUMBER = images() / 255
NOT_A_NUMBER[3, 4, 5] = np.nan

WRONG: dict[str, tuple[Any, str]] = {
    "lengths": ((images(), labels(11)), "There are 12 images and 11 labels"),
    "nothing": ((images()[:0], []), "There are no images"),
    "not a number": ((NOT_A_NUMBER, labels()), "image 3 holds values that are not finite"),
    "negative": ((images() / 127.5 - 1, labels()), r"The pixels go from -[0-9.]+ to 0\.\d+: bring them to 0\.\.255"),
    "deep": ((images().astype(np.uint16) * 257, labels()), r"The pixels go from \d+ to \d+: bring them to 0\.\.255"),
    "zeros and ones": ((images() // 200, labels()), "whole numbers 0 and 1, which are nearly black"),
    "channels first": ((images().transpose(0, 3, 1, 2), labels()), "moveaxis"),
    "two channels": ((images()[..., :2], labels()), r"image 0 has the shape \(24, 24, 2\): give \(H, W\)"),
    "flat": ((images().reshape(12, -1), labels()), r"has the shape \(1728,\)"),
    "no pixels": ((np.zeros((12, 0, 4, 3)), labels()), "image 0 is empty"),
    "texts": ((["a.png"] * 12, labels()), "the name of a file: name the folder of files"),
    "objects": (([object()] * 12, labels()), "is object, not an array of numbers"),
    "a number": ((3, labels()), "The images are int|shape"),
    "one class": ((images(), [1] * 12), "All labels are 1"),
    "no label": ((images(), [None] * 12), "label 0 is None"),
    "broken label": ((images(), [0.5] * 12), r"label 0 is 0\.5"),
    "two classes": ((images(), np.ones((12, 3))), "label 0 names 3 classes"),
    "probabilities": ((images(), np.full((12, 3), 1 / 3)), "a row that holds more than 0 and 1"),
    "labels of three axes": ((images(), np.zeros((12, 3, 3))), "The labels have the shape"),
    "ragged labels": ((images(), [[1], [1, 2]] * 6), "different shapes"),
    "mixed labels": ((images(), np.array(["a", 1] * 6, dtype=object)), "Some labels are numbers and some are texts"),
    "mixed labels in a list": ((images(), ["a", 1] * 6), "Some labels are numbers and some are texts"),
    "labels in a list, one of which is missing": ((images(), ["a", "b", math.nan] * 4), "label 2 is nan"),
    "slash": ((images(), ["a/b", "c"] * 6), "cannot be the name of a folder"),
    "parent": ((images(), ["..", "c"] * 6), "cannot be the name of a folder"),
    "hidden": ((images(), [".cat", "c"] * 6), "cannot be the name of a folder"),
    "empty": ((images(), ["", "c"] * 6), "cannot be the name of a folder"),
    "long": ((images(), ["x" * 300, "c"] * 6), "cannot be the name of a folder"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_serve_is_one_sentence(tmp_path: Path, name: str) -> None:
    dataset, sentence = WRONG[name]
    with pytest.raises(UsageError, match=sentence) as caught:
        write_images(dataset, tmp_path)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.png"))


def test_a_configuration_is_made_without_looking_at_the_images() -> None:
    class Untouchable:
        def __array__(self) -> None:
            raise AssertionError

    assert isinstance(RunConfig(dataset=(Untouchable(), Untouchable())).dataset, tuple)
    with pytest.raises(UsageError, match=r"DATASET is <class 'numpy.ndarray'>, but it must be a path"):
        RunConfig(dataset=images())


class Shuffled:
    """What a tf.data.Dataset is to us: batches of images and labels, in another order each time."""

    element_spec = None

    def __init__(self, batch: int | None = 5, noise: bool = False, class_names: tuple[str, ...] = ()) -> None:
        self.batch, self.noise, self.class_names = batch, noise, class_names
        self.rng = np.random.default_rng(1)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        order = self.rng.permutation(COUNT)
        arrays, names = images()[order].astype(np.float32), np.array(labels())[order]
        arrays = np.clip(arrays + self.noise * self.rng.normal(size=arrays.shape), 0, 255)
        if self.batch is None:
            yield from zip(arrays, names, strict=True)
            return
        for start in range(0, COUNT, self.batch):
            yield arrays[start : start + self.batch], names[start : start + self.batch]


@pytest.mark.parametrize("batch", [None, 5, 12])
def test_a_shuffled_data_set_is_the_same_each_time(tmp_path: Path, batch: int | None) -> None:
    names = ("ash", "birch", "cedar")
    folder, _ = write_images(Shuffled(batch, class_names=names), tmp_path / "cache")
    assert write_images(Shuffled(3, class_names=names), tmp_path / "cache")[0] == folder
    expected = as_folder(tmp_path / "folder", images(), [names[label] for label in labels()])
    assert sorted(contents(scan(folder))) == sorted(contents(scan(expected)))


def test_a_data_set_that_changes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gives other images each time that it is read: leave random changes"):
        write_images(Shuffled(noise=True), tmp_path)
    assert not list(tmp_path.rglob("*.png"))


def test_copies_in_a_data_set_are_all_kept(tmp_path: Path) -> None:
    class Doubled(Shuffled):
        def __iter__(self) -> Iterator[tuple[Any, Any]]:
            yield from super().__iter__()
            yield from super().__iter__()

    assert len(scan(write_images(Doubled(), tmp_path)[0]).images) == 2 * COUNT


def test_a_tensorflow_data_set(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    root = as_folder(tmp_path / "folder", images(), [("ash", "birch", "cedar")[label] for label in labels()])
    for mode in ("int", "categorical"):
        dataset = keras.utils.image_dataset_from_directory(
            root, label_mode=mode, batch_size=5, image_size=(SIZE, SIZE), verbose=False
        )
        config, _ = images_in_folder(RunConfig(dataset=dataset, cache_dir=tmp_path / "cache"))
        assert sorted(contents(scan(config.source))) == sorted(contents(scan(root)))
    pairs = tf.data.Dataset.from_tensor_slices((images(), labels()))
    assert scan(write_images(pairs, tmp_path / "cache")[0]).classes == ("0", "1", "2")
    with pytest.raises(UsageError, match="does not give pairs of image and label"):
        write_images(tf.data.Dataset.from_tensor_slices(images()), tmp_path / "cache")
    with pytest.raises(UsageError, match="repeats for ever"):
        write_images(pairs.repeat(), tmp_path / "cache")
    with pytest.raises(UsageError, match="a label for each image"):
        write_images(tf.data.Dataset.from_tensors((images(), 3)), tmp_path / "cache")
