"""Boxes from heat maps, and the files that they are written to."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.helpers.models.explained import exported
from tlsearch.cli.explain.boxes import BoxWriter
from tlsearch.data.images.placement import PictureSize
from tlsearch.data.sources import read_source
from tlsearch.errors import UsageError
from tlsearch.explain.box_files import BoxedFile, BoxFormat, box_of, write_boxes
from tlsearch.explain.boxes import DEFAULT_THRESHOLD, Threshold, hot_boxes, hottest
from tlsearch.explain.pictures import Explanation
from tlsearch.folders.boxes.box import Box, settle
from tlsearch.plugin_api import ReadingOptions
from tlsearch.predictor import Predictor

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LABELS = ("ash", "birch")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A small network, whose answers matter to nobody."""
    return exported(tmp_path_factory.mktemp("model"), 12)


def heat(*hot: tuple[int, int], side: int = 8) -> np.ndarray:
    """A map that is 1 at these places (row, column) and -1 elsewhere."""
    found = np.full((1, side, side), -1.0, np.float32)
    for row, column in hot:
        found[0, row, column] = 1.0
    return found


def test_the_box_is_around_the_largest_hot_part() -> None:
    found = heat((0, 0), *((row, column) for row in (4, 5) for column in (2, 3, 4)))
    [[box]] = hot_boxes(found, (0.5,))
    np.testing.assert_allclose(box, [2 / 8, 4 / 8, 5 / 8, 6 / 8], atol=0.02)
    assert np.all(np.abs(hottest(found)[0] - (3.5 / 8, 5 / 8)) < (1.6 / 8, 1.1 / 8)) or hottest(found)[0].max() < 0.2


def test_parts_that_touch_at_a_corner_are_one() -> None:
    [[box]] = hot_boxes(heat((2, 2), (3, 3)), (0.3,))
    np.testing.assert_allclose(box, [2 / 8, 2 / 8, 4 / 8, 4 / 8], atol=0.06)


def test_a_higher_threshold_gives_a_smaller_box() -> None:
    rows, columns = np.mgrid[0:8, 0:8]
    hill = -((rows - 3.0) ** 2 + (columns - 5.0) ** 2)[None].astype(np.float32)
    boxes = hot_boxes(hill, (0.2, 0.5, 0.9))[0]
    areas = [(right - left) * (lower - upper) for left, upper, right, lower in boxes]
    assert areas[0] > areas[1] > areas[2]
    np.testing.assert_allclose(hottest(hill)[0], [5.5 / 8, 3.5 / 8], atol=0.01)
    assert all(left < 5.5 / 8 < right and upper < 3.5 / 8 < lower for left, upper, right, lower in boxes)


def test_a_number_that_is_added_everywhere_changes_nothing() -> None:
    found = heat((4, 4), (4, 5))
    np.testing.assert_array_equal(hot_boxes(found, (0.2,)), hot_boxes(3 * found + 40, (0.2,)))


def test_a_map_without_a_difference_is_hot_all_over() -> None:
    np.testing.assert_array_equal(hot_boxes(np.zeros((1, 3, 3), np.float32), (0.2,)), [[[0, 0, 1, 1]]])


def test_the_threshold_is_that_of_the_run_or_the_default(predictor: Predictor) -> None:
    assert Threshold.of(predictor) == Threshold()
    assert Threshold().value == DEFAULT_THRESHOLD == 0.56
    chosen = Threshold(value=0.34, source="validation images", images=50)
    said = Predictor(predictor.model, predictor.labels, {**predictor.config, **chosen.in_config()}, predictor.folder)
    assert Threshold.of(said) == Threshold(value=0.34, source="the run", images=50)


@pytest.mark.parametrize("said", [{}, {"threshold": "high", "images": 3}, {"threshold": 7, "images": 3}, 0.2])
def test_a_threshold_that_is_none_is_refused(predictor: Predictor, said: object) -> None:
    config = {**predictor.config, "localisation": said}
    with pytest.raises(UsageError, match="threshold of boxes"):
        Threshold.of(Predictor(predictor.model, predictor.labels, config, predictor.folder))


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ("squash", (100, 80), (50, 0, 100, 40)),
        ("pad", (100, 50), (50, 0, 100, 25)),
        ("crop", (100, 60), (50, 0, 80, 30)),
    ],
)
def test_a_box_is_in_pixels_of_the_original(
    predictor: Predictor, tmp_path: Path, resize: str, size: tuple[int, int], expected: tuple[float, ...]
) -> None:
    """The right upper part of the square is hot; of a padded picture that is above it and in it."""
    file = tmp_path / "a.png"
    Image.new("RGB", size).save(file)
    config = {**predictor.config, "resize": resize}
    model = Predictor(predictor.model, predictor.labels, config, predictor.folder)
    hot = np.full((4, 4), -1.0, np.float32)
    hot[:2, 2:] = 1.0
    explanation = Explanation(path=file, explained="a", explained_probability=0.75, heat=hot)
    boxed = box_of(model, explanation, Threshold(value=0.5))
    assert boxed is not None
    assert boxed.box is not None
    assert boxed.box.label == "a"
    assert boxed.probability == 0.75
    np.testing.assert_allclose(boxed.box.corners, expected, atol=1)


def test_what_could_not_be_read_has_no_box(predictor: Predictor, tmp_path: Path) -> None:
    gone = Explanation(path=tmp_path / "gone.png", error="it is gone")
    assert box_of(predictor, gone, Threshold()) is None


def test_an_image_in_no_file_has_no_box_and_is_counted(predictor: Predictor, tmp_path: Path) -> None:
    """Of bytes and arrays the size of the original is not known."""
    heat_map = np.ones((2, 2), np.float32)
    nowhere = Explanation(name="a", explained="a", explained_probability=0.5, heat=heat_map)
    Image.new("RGB", (20, 20)).save(tmp_path / "b.png")
    file = Explanation(path=tmp_path / "b.png", explained="a", explained_probability=0.5, heat=heat_map)
    writer = BoxWriter(predictor, ["json"], tmp_path)
    assert list(writer.take([nowhere, file])) == [nowhere, file]
    assert writer.summary == "1 box (threshold 0.56, the default), none of 1 image that lie in no file"
    (path,) = writer.write()
    assert len(json.loads(path.read_bytes())) == 1


@pytest.fixture
def found(tmp_path: Path) -> list[BoxedFile]:
    """Boxes of pictures in folders of classes, one of which has none."""
    boxed = []
    for number in range(10):
        path = tmp_path / "images" / LABELS[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 30), 20 + number).convert("RGB").save(path)
        box = Box(x_min=number, y_min=2, x_max=20 + number, y_max=25, label=LABELS[number % 2])
        size = PictureSize(40, 30)
        boxed.append(BoxedFile(path=path, size=size, box=None if number == 9 else box, probability=0.5))
    return boxed


@pytest.mark.parametrize("form", ["json", "csv", "coco", "voc"])
def test_what_is_written_is_read_back_with_the_images(found: list[BoxedFile], tmp_path: Path, form: BoxFormat) -> None:
    """Beside the images, as anybody would put it; the CSV as a table of its own."""
    images = tmp_path / "images"
    written = write_boxes(found, form, tmp_path / "found" if form == "csv" else images, LABELS)
    source, options = (written, ReadingOptions(images=str(images))) if form == "csv" else (images, ReadingOptions())
    reading = read_source(source, options)
    boxes = {item.file.resolve(): [settle(box, 40, 30) for box in item.boxes] for item in reading.items}
    expected = {item.path.resolve(): [] if item.box is None else [item.box] for item in found}
    if form == "csv":  # a row without a label is no image to learn from
        del expected[found[9].path.resolve()]
    assert boxes == expected


def test_voc_has_a_file_for_each_image_in_folders_like_theirs(found: list[BoxedFile], tmp_path: Path) -> None:
    folder = write_boxes(found, "voc", tmp_path / "out", LABELS)
    assert folder == tmp_path / "out" / "Annotations"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.xml")) == sorted(
        f"{item.path.parent.name}/{item.path.stem}.xml" for item in found
    )
    root = ElementTree.parse(folder / "birch" / "1.xml").getroot()
    edges = [root.findtext(f"object/bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")]
    assert edges == ["2", "3", "21", "25"]


def test_two_images_that_differ_in_their_ending_have_a_file_each(tmp_path: Path) -> None:
    size, box = PictureSize(40, 30), Box(x_min=1, y_min=2, x_max=3, y_max=4, label="ash")
    pair = [BoxedFile(path=tmp_path / name, size=size, box=box, probability=0.5) for name in ("a.jpg", "a.png")]
    folder = write_boxes(pair, "voc", tmp_path / "out", LABELS)
    assert sorted(path.name for path in folder.iterdir()) == ["a.png.xml", "a.xml"]


def test_images_of_all_names_that_collide_have_a_file_each(tmp_path: Path) -> None:
    size, box = PictureSize(40, 30), Box(x_min=1, y_min=2, x_max=3, y_max=4, label="ash")
    names = ["a.png.jpg", "a.jpg", "a.png", "a.jpg", "a.jpg"]  # some are named several times
    pair = [BoxedFile(path=tmp_path / name, size=size, box=box, probability=0.5) for name in names]
    folder = write_boxes(pair, "voc", tmp_path / "out", LABELS)
    told = [ElementTree.parse(path).getroot().findtext("filename") for path in folder.iterdir()]
    assert sorted(map(str, told)) == sorted(names)


def test_coco_has_every_class_and_names_from_the_folder_of_all_images(found: list[BoxedFile], tmp_path: Path) -> None:
    told = json.loads(write_boxes(found, "coco", tmp_path / "out", LABELS).read_bytes())
    assert told["categories"] == [{"id": 1, "name": "ash"}, {"id": 2, "name": "birch"}]
    assert [image["file_name"] for image in told["images"]] == [f"{LABELS[n % 2]}/{n}.png" for n in range(10)]
    assert len(told["annotations"]) == 9
    assert told["annotations"][1] == {
        "id": 2, "image_id": 2, "category_id": 2, "bbox": [1, 2, 20, 23], "area": 460, "iscrowd": 0, "score": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv", "coco", "voc"])
def test_boxes_that_are_there_are_never_replaced(found: list[BoxedFile], tmp_path: Path, form: BoxFormat) -> None:
    write_boxes(found[:1], form, tmp_path / "out", LABELS)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(before) == 1
    with pytest.raises(UsageError, match="holds boxes already, which are never replaced: name another folder"):
        write_boxes(found, form, tmp_path / "out", LABELS)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_made_is_named(found: list[BoxedFile], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UsageError, match="cannot be written"):
        write_boxes(found, "json", tmp_path / "file" / "inner", LABELS)
