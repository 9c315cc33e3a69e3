"""Pascal VOC: an XML file for each picture (Everingham et al., Int. J. Comput. Vis. 88 (2010) 303).

Pixels are counted from 1 and the last one is in the box: a box around the first pixel alone is 1, 1, 1, 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.parsers import expat

from tlsearch.folders.boxes.box import (
    AnnotatedBox,
    Box,
    DamagedBoxesError,
    OtherFileError,
    ParsedBoxes,
    checked,
)

ROOT = "annotation"
MOST_BYTES = 20_000_000


def read_voc(data: bytes) -> ParsedBoxes:
    """Give the boxes in the annotation of one picture.

    Raises:
        OtherFileError: It is XML of another kind.
        DamagedBoxesError: It is no XML that can be read. A document type is refused, for no annotation needs one and it
            can make a small file a large one, or read other files.
    """
    root = _parse(data)
    if root.tag != ROOT:
        raise OtherFileError
    size = _size(root.find("size"))
    boxes, faults = [], []
    for item in root.findall("object"):
        try:
            boxes.append(_box(item, size))
        except DamagedBoxesError as error:
            faults.append(error.reason)
    return ParsedBoxes(tuple(boxes), tuple(faults))


def write_voc(file_name: str, size: tuple[int, int], boxes: Sequence[Box]) -> bytes:
    """Give the annotation of one picture, in UTF-8.

    Edges are rounded to whole pixels, of which a box has one at least.

    Args:
        file_name: The name of the picture's file.
        size: Its width and height in pixels.
        boxes: Those in it.
    """
    root = ElementTree.Element(ROOT)
    _add(root, "filename", file_name)
    source = ElementTree.SubElement(root, "source")
    _add(source, "annotation", "tlsearch")
    measures = ElementTree.SubElement(root, "size")
    for name, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        _add(measures, name, str(value))
    _add(root, "segmented", "0")
    for box in boxes:
        item = ElementTree.SubElement(root, "object")
        for name, text in (("name", box.label), ("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
            _add(item, name, text)
        edges = ElementTree.SubElement(item, "bndbox")
        x_min, x_max = _whole(box.x_min, box.x_max, size[0])
        y_min, y_max = _whole(box.y_min, box.y_max, size[1])
        for name, value in (("xmin", x_min), ("ymin", y_min), ("xmax", x_max), ("ymax", y_max)):
            _add(edges, name, str(value))
    ElementTree.indent(root, "\t")
    written: str = ElementTree.tostring(root, encoding="unicode")
    return f"{written}\n".encode("utf-8", "replace")


def _whole(low: float, high: float, most: int) -> tuple[int, int]:
    """The first and the last pixel between two edges, counted from 1."""
    first = min(round(low) + 1, most)
    return first, min(max(round(high), first), most)


def _parse(data: bytes) -> ElementTree.Element:
    if len(data) > MOST_BYTES:
        raise DamagedBoxesError(f"it has {len(data):,} bytes, more than an annotation has")
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DamagedBoxesError(f"it is broken XML ({error})") from error
    except (UnicodeError, LookupError, ValueError) as error:  # of an encoding that it says
        raise DamagedBoxesError("its encoding is not known") from error
    return builder.close()


def _refuse(*_: object) -> None:
    raise DamagedBoxesError("it has a document type (DOCTYPE), which no annotation needs")


def _size(found: ElementTree.Element | None) -> tuple[int, int] | None:
    """Width and height, or None where they are not said: some programs write 0."""
    if found is None:
        return None
    try:
        width, height = (int(float(found.findtext(name, ""))) for name in ("width", "height"))
    except (ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _box(item: ElementTree.Element, size: tuple[int, int] | None) -> AnnotatedBox:
    edges = item.find("bndbox")
    if edges is None:
        raise DamagedBoxesError("an object has no bndbox")
    try:
        x_min, y_min, x_max, y_max = (float(edges.findtext(name, "")) for name in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise DamagedBoxesError("an edge of a box is not a number") from None
    label = (item.findtext("name") or "").strip()
    return checked(AnnotatedBox(x_min=x_min - 1, y_min=y_min - 1, x_max=x_max, y_max=y_max, label=label, size=size))


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
