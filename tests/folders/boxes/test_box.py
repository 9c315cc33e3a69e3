"""Boxes of annotations become boxes in pictures: clipped, scaled, turned, or refused with a reason."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from tlsearch.folders.boxes.box import AnnotatedBox, Box, DamagedBoxesError, of_class, settle


def annotated(*edges: float, **more: object) -> AnnotatedBox:
    x_min, y_min, x_max, y_max = edges
    return AnnotatedBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, **more)  # type: ignore[arg-type]


def test_a_box_in_pixels_stays_and_one_in_shares_is_scaled() -> None:
    assert settle(annotated(1, 2, 30, 40, label="cat"), 100, 50).corners == (1, 2, 30, 40)
    assert settle(annotated(0.1, 0.2, 0.5, 1.0, relative=True), 100, 50).corners == (10, 10, 50, 50)


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    assert settle(annotated(-5, -1, 120, 20), 100, 50).corners == (0, 0, 100, 20)
    with pytest.raises(DamagedBoxesError, match="outside"):
        settle(annotated(100, 0, 120, 20), 100, 50)


@pytest.mark.parametrize("edges", [(5, 5, 5, 9), (9, 5, 5, 9), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1)])
def test_what_is_no_box_is_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(DamagedBoxesError):
        settle(annotated(*edges), 100, 50)


def test_a_box_of_a_picture_that_was_resized_since_is_resized() -> None:
    assert settle(annotated(10, 20, 50, 60, size=(200, 100)), 100, 50).corners == (5, 10, 25, 30)
    with pytest.raises(DamagedBoxesError, match="200 x 200 pixels, and the picture has 100 x 50"):
        settle(annotated(10, 20, 50, 60, size=(200, 200)), 100, 50)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_of_the_stored_picture_is_turned_as_pillow_turns_it(orientation: int) -> None:
    """The only bright rectangle of a picture is where its box is, after the turn."""
    stored = np.zeros((60, 100), np.uint8)
    stored[10:25, 20:70] = 255
    image = Image.fromarray(stored)
    exif = image.getexif()
    exif[274] = orientation
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(stream)))
    rows, columns = np.flatnonzero(upright.any(axis=1)), np.flatnonzero(upright.any(axis=0))
    expected = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    box = settle(annotated(20, 10, 70, 25, size=(100, 60)), 60, 100, orientation)
    assert box.corners == expected
    # An annotation of the picture as it is looked at needs no turn.
    assert settle(annotated(*expected, size=(60, 100)), 60, 100, orientation).corners == expected


def test_boxes_of_other_classes_do_not_count_unless_labels_are_no_classes() -> None:
    cat = Box(x_min=0, y_min=0, x_max=1, y_max=1, label="Cat")
    dog = Box(x_min=0, y_min=0, x_max=1, y_max=1, label="dog")
    assert of_class([cat, dog], "cat", ["cat", "dog"]) == (cat,)
    assert of_class([dog], "cat", ["cat", "dog"]) == ()
    assert of_class([dog], "poodle", ["poodle", "beagle"]) == (dog,)
