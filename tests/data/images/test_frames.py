"""Files with several pictures: the first one is used, and they are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tlsearch.data.images.frames import has_more_pictures
from tlsearch.data.survey import survey
from tlsearch.plugins.kinds.reader import Item, Reading


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(count)]


def save(file: Path, count: int, kind: str | None = None) -> Path:
    first, *others = pictures(count)
    first.save(file, kind, save_all=True, append_images=others)
    return file


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_pages_and_frames_are_more_pictures(tmp_path: Path, ending: str) -> None:
    for count in (1, 3):
        with Image.open(save(tmp_path / f"{count}.{ending}", count)) as image:
            assert has_more_pictures(image) == (count > 1)


def test_previews_are_none(tmp_path: Path) -> None:
    with Image.open(save(tmp_path / "camera.jpg", 2, "MPO")) as image:
        assert not has_more_pictures(image)
    for kind in (1, 4):  # a smaller version; a mask of another page
        first, second = pictures(2)
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[254] = kind
        second.encoderinfo = {"tiffinfo": tags}
        first.save(tmp_path / f"{kind}.tif", save_all=True, append_images=[second])
        with Image.open(tmp_path / f"{kind}.tif") as image:
            assert not has_more_pictures(image)


def test_a_second_page_that_is_damaged_costs_nothing(tmp_path: Path) -> None:
    file = save(tmp_path / "stack.tif", 2)
    with Image.open(file) as image:
        second = int(image._TiffImageFile__next)  # type: ignore[attr-defined]  # where the second page begins
    file.write_bytes(file.read_bytes()[:second])
    with Image.open(file) as image:
        assert not has_more_pictures(image)


def test_files_with_several_pictures_are_counted(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{number}.tif", 1 + number // 6) for number in range(8)]
    items = tuple(Item(path=file.name, file=file, labels=frozenset(("cat", "dog")[n % 2 :][:1])) for n, file in
                  enumerate(files))  # fmt: skip
    found = survey(Reading(root=tmp_path, items=items))
    assert found.reading is not None
    assert [note for note in found.reading.notes if note.startswith("2 files hold several pictures, such as the pages")]
