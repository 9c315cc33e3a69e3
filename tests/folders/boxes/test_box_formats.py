"""Formats of boxes: what each means in numbers, what is damaged, and that what is written is read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlsearch.folders.boxes.box import AnnotatedBox, Box, DamagedBoxesError, OtherFileError, settle
from tlsearch.folders.boxes.coco import BoxedPicture, read_coco, write_coco
from tlsearch.folders.boxes.plain import read_plain, write_csv, write_json
from tlsearch.folders.boxes.voc import read_voc, write_voc
from tlsearch.folders.boxes.yolo import read_names, read_yolo

BOX = Box(x_min=10, y_min=20, x_max=60, y_max=45, label="Katze & Käse <1>")
WHOLE = Box(x_min=0, y_min=0, x_max=100, y_max=50, label="dog")

VOC = """<annotation>
\t<filename>a.jpg</filename>
\t<source>
\t\t<annotation>tlsearch</annotation>
\t</source>
\t<size>
\t\t<width>100</width>
\t\t<height>50</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>dog</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>11</xmin>
\t\t\t<ymin>21</ymin>
\t\t\t<xmax>60</xmax>
\t\t\t<ymax>45</ymax>
\t\t</bndbox>
\t</object>
</annotation>
"""

COCO = {
    "info": {"description": "boxes from heat maps by tlsearch"},
    "images": [
        {"id": 1, "file_name": "cat/a.jpg", "width": 100, "height": 50},
        {"id": 2, "file_name": "b.jpg", "width": 8, "height": 8},
    ],
    "annotations": [
        {
            "id": 1, "image_id": 1, "category_id": 2, "bbox": [10.0, 20.0, 50.0, 25.0], "area": 1250.0, "iscrowd": 0,
            "score": 0.75,
        }
    ],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
}  # fmt: skip


def dog(**changes: float) -> Box:
    return Box(**{"x_min": 10, "y_min": 20, "x_max": 60, "y_max": 45, **changes}, label="dog")


def settled(boxes: tuple[AnnotatedBox, ...], size: tuple[int, int] = (100, 50)) -> list[Box]:
    return [rounded(settle(box, *size)) for box in boxes]


def rounded(box: Box) -> Box:
    """Without what is lost where shares become pixels."""
    x_min, y_min, x_max, y_max = (round(edge, 9) for edge in box.corners)
    return Box(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=box.label)


def test_voc_is_written_as_its_devkit_does() -> None:
    assert write_voc("a.jpg", (100, 50), [dog()]).decode() == VOC


def test_voc_is_read_back() -> None:
    assert settled(read_voc(write_voc("a.jpg", (100, 50), [BOX, WHOLE])).boxes) == [BOX, WHOLE]
    assert read_voc(write_voc("a.jpg", (100, 50), [])).boxes == ()


def test_the_first_pixel_of_voc_is_1() -> None:
    found = read_voc(VOC.replace("11", "1").replace("21", "1").replace("60", "1").replace("45", "1").encode())
    assert settled(found.boxes)[0].corners == (0, 0, 1, 1)


def test_a_box_thinner_than_a_pixel_has_one_in_voc() -> None:
    thin = dog(x_min=99.9, x_max=100.0, y_min=20.2, y_max=20.4)
    assert settled(read_voc(write_voc("a.jpg", (100, 50), [thin])).boxes)[0].corners == (99, 20, 100, 21)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"<!DOCTYPE annotation [<!ENTITY a 'aaaa'>]>{VOC}", "document type"),
        (f"<!DOCTYPE annotation SYSTEM 'file:///etc/passwd'>{VOC}", "document type"),
        (VOC[:-20], "broken XML"),
        ("", "broken XML"),
        ("<annotation>&xxe;</annotation>", "broken XML"),
    ],
)
def test_damaged_voc_is_refused(text: str, reason: str) -> None:
    with pytest.raises(DamagedBoxesError, match=reason):
        read_voc(text.encode())


def test_entities_do_not_come_in_by_another_encoding() -> None:
    text = "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE annotation [<!ENTITY a 'aaaa'>]>" + VOC
    with pytest.raises(DamagedBoxesError, match="document type"):
        read_voc(text.encode("utf-16"))


def test_xml_of_another_kind_is_no_voc() -> None:
    with pytest.raises(OtherFileError):
        read_voc(b"<gpx><object/></gpx>")


def test_damaged_objects_cost_no_others() -> None:
    extra = "<object><name>cat</name></object><object><bndbox><xmin>x</xmin></bndbox></object></annotation>"
    found = read_voc((VOC.rstrip().removesuffix("</annotation>") + extra).encode())
    assert settled(found.boxes) == [dog()]
    assert found.faults == ("an object has no bndbox", "an edge of a box is not a number")


def test_coco_is_written_as_its_specification_says() -> None:
    pictures = [
        BoxedPicture(file_name="cat/a.jpg", size=(100, 50), boxes=(dog(),), scores=(0.75,)),
        BoxedPicture(file_name="b.jpg", size=(8, 8), boxes=()),
    ]
    assert json.loads(write_coco(pictures, ["cat", "dog"])) == COCO


def test_coco_is_read_back() -> None:
    found = read_coco(json.dumps(COCO).encode())
    assert {name: settled(held.boxes) for name, held in found.items()} == {"cat/a.jpg": [dog()], "b.jpg": []}


def test_coco_of_other_programs() -> None:
    """Ids as texts, crowds, boxes of no numbers, annotations of no image, a category that has no name."""
    told = {
        "images": [{"id": "7", "file_name": "a.jpg"}, {"id": 8}, None],
        "annotations": [
            {"image_id": 7, "category_id": 5, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"image_id": 7, "bbox": [1, 2, "3", 4]},
            {"image_id": 7, "bbox": [1, 2, 0, 4]},
            {"image_id": 99, "bbox": [1, 2, 3, 4]},
            {"image_id": 7},
            "no annotation",
        ],
    }
    found = read_coco(b"\xef\xbb\xbf" + json.dumps(told).encode())
    assert settled(found["a.jpg"].boxes) == [Box(x_min=1, y_min=2, x_max=4, y_max=6, label="5")]
    assert found["a.jpg"].faults == ("a bbox is not four numbers", "a box has no area", "a bbox is not four numbers")


@pytest.mark.parametrize("text", ["[]", '{"images": []}', '{"images": [], "annotations": []}', '"text"', "7"])
def test_json_of_another_kind_is_no_coco(text: str) -> None:
    with pytest.raises(OtherFileError):
        read_coco(text.encode())


def test_broken_json_is_refused() -> None:
    with pytest.raises(DamagedBoxesError, match="broken JSON"):
        read_coco(b'{"images": [], "annotations": [{"bbox": [')


def test_yolo_means_centre_and_size() -> None:
    found = read_yolo(b"1 0.35 0.65 0.5 0.5\n\n0 0.5 0.5 1 1 0.93\n", ["cat", "dog"])
    assert settled(found.boxes) == [dog(), Box(x_min=0, y_min=0, x_max=100, y_max=50, label="cat")]


def test_a_polygon_in_yolo_counts_as_the_box_around_it() -> None:
    found = read_yolo(b"3 0.1 0.4 0.6 0.5 0.2 0.9\n")
    assert settled(found.boxes)[0] == Box(x_min=10, y_min=20, x_max=60, y_max=45, label="3")


def test_damaged_lines_of_yolo_cost_no_others() -> None:
    found = read_yolo(b"1 0.35 0.65 0.5 0.5\n1 0.5\n1 35 65 50 25\n1 0.5 0.5 0 0.1\n1 nan 0 0 0\n", ["cat", "dog"])
    assert settled(found.boxes) == [dog()]
    assert len(found.faults) == 4


@pytest.mark.parametrize("data", [b"a photograph of a dog on grass\n", b"\xff\xfe\0", b"0.1 0.2 0.3 0.4 0.5\n"])
def test_other_texts_are_no_yolo(data: bytes) -> None:
    with pytest.raises(OtherFileError):
        read_yolo(data)


def test_an_empty_file_of_yolo_says_that_there_is_nothing() -> None:
    assert read_yolo(b"\n").boxes == ()


def test_the_json_is_read_back() -> None:
    pictures = [
        BoxedPicture(file_name="cat/ä.jpg", size=(100, 50), boxes=(BOX, dog(x_min=1.25)), scores=(0.5, 0.25)),
        BoxedPicture(file_name="b.jpg", size=(8, 8), boxes=()),
    ]
    found = read_plain(write_json(pictures))
    assert {name: settled(held.boxes) for name, held in found.items()} == {
        "cat/ä.jpg": [BOX, dog(x_min=1.25)],
        "b.jpg": [],
    }


def test_the_csv_has_a_row_for_each_box() -> None:
    pictures = [
        BoxedPicture(file_name="a,b.jpg", size=(100, 50), boxes=(dog(),), scores=(0.5,)),
        BoxedPicture(file_name="c.jpg", size=(8, 8), boxes=()),
    ]
    assert write_csv(pictures).decode() == (
        "path,width,height,label,probability,xmin,ymin,xmax,ymax\n"
        '"a,b.jpg",100,50,dog,0.5,10,20,60,45\n'
        "c.jpg,8,8,,,,,,\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "path: ../data\nnames:\n  0: cat\n  1: 'big dog'\n  2: \"owl, grey\"\nnc: 3\n",
        "nc: 3\nnames:\n- cat\n- big dog\n- 'owl, grey'\n",
        "names: ['cat', \"big dog\", 'owl, grey']  # three\nnc: 3\n",
        "names: [cat,\n  big dog,\n  'owl, grey']\n",
        "names: {0: cat, 1: 'big dog', 2: 'owl, grey'}\n",
        "train: images\n\n# classes\nnames:\n    2: owl, grey\n    0: cat # the first\n    1: big dog\n",
    ],
)
def test_names_of_classes_in_yaml_as_programs_write_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert read_names(tmp_path / "data.yaml") == ("cat", "big dog", "owl, grey")


@pytest.mark.parametrize("text", ["", "nc: 3\n", "names:\n", "names: []\n", "nothing", "names:\n  999999999: cat\n"])
def test_yaml_without_names_gives_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert read_names(tmp_path / "data.yaml") == ()


def test_names_of_classes_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("cat\nbig dog\n\n", encoding="utf-8")
    assert read_names(tmp_path / "classes.txt") == ("cat", "big dog")
