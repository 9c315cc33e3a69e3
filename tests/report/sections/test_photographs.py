"""Photographs in the report: found also where the images of a part lie in another folder than the data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.config import RunConfig
from tlsearch.data.options import reading_options
from tlsearch.data.survey import scan
from tlsearch.report.sections.photographs import photographs
from tlsearch.results.result import RunResult

SIDE = 40


def pictures(folder: Path, seed: int) -> Path:
    """Two classes of four pictures."""
    rng = np.random.default_rng(seed)
    for name in ("ash", "birch"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize("inside", [True, False])
def test_a_mistake_is_shown_wherever_the_user_keeps_the_images_of_a_part(
    sample: RunResult, tmp_path: Path, inside: bool
) -> None:
    data = pictures(tmp_path / "data", 0)
    val = pictures(data / "val" if inside else tmp_path / "elsewhere", 1)
    config = RunConfig(dataset=data, val=val)
    (tmp_path / "out").mkdir()
    config.to_toml(tmp_path / "out" / "run.toml")
    index = scan(data, reading=reading_options(config))
    names = [image.path for image, file in zip(index.images, index.files, strict=True) if val in file.parents]
    assert len(names) == 8
    mistakes = tuple(replace(sample.mistakes[0], path=name) for name in names)
    shown = photographs(replace(sample, mistakes=mistakes), index.root, tmp_path / "out").shown["mistakes"]
    assert [item.path for item, picture in shown if picture is not None] == names
