"""The study of a run's heat maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.runs.exported_run import SIDE, write_images, write_model
from tlsearch.errors import UsageError
from tlsearch.explain.study import ARRAYS_FILE, MAPS_FOLDER, StudyRequest, ToShow, study

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> StudyRequest:
    """A study of the model that names the brightest colour, which stands for the network from scratch too."""
    folder = tmp_path_factory.mktemp("study")
    images = write_images(folder / "images", per_class=5)
    files = sorted(images.rglob("*.png"))
    shown = [
        ToShow(file=files[0], path="blue/000.png", true="blue", explained="red"),
        ToShow(file=files[-1], path="red/004.png", true="red", explained="red"),
    ]
    model = write_model(folder / "model")
    return StudyRequest(
        winner=model,
        from_scratch=model,
        output=folder / "out",
        shown=tuple(shown),
        sample=tuple(files),
        groups=tuple(range(len(files))),
    )


def test_maps_are_drawn_measured_and_compared(asked: StudyRequest) -> None:
    found = study(asked)
    assert (found.method, found.exact, found.rows, found.columns) == ("cam", True, SIDE, SIDE)
    assert found.images == 15
    assert found.border is not None
    assert found.border_ci95 is not None
    assert found.border_ci95[0] <= found.border <= found.border_ci95[1]
    assert set(found.border_by_class) == {"blue", "green", "red"}
    assert found.curves is not None
    assert found.curves.images == 15
    assert found.from_scratch is not None
    assert found.from_scratch.same == pytest.approx(1)
    assert abs(found.from_scratch.different) < 0.2
    wrong, right = found.shown
    assert (wrong.mistake, wrong.explained, wrong.true) == (True, "red", "blue")
    assert (right.mistake, right.explained) == (False, "red")
    assert right.probability > 0.5 > wrong.probability
    for item in found.shown:
        for file in (item.overlay, item.scratch):
            assert file is not None
            with Image.open(asked.output / file) as drawn:
                drawn.verify()
    with np.load(asked.output / MAPS_FOLDER / ARRAYS_FILE, allow_pickle=False) as arrays:
        assert arrays["winner"].shape == arrays["from_scratch"].shape == (2, SIDE, SIDE)


@pytest.mark.parametrize("without", [False, True])
def test_what_there_is_no_time_for_is_said(asked: StudyRequest, without: bool, tmp_path: Path) -> None:
    scratch = None if without else asked.from_scratch
    short = replace(asked, seconds=0.0, output=tmp_path, from_scratch=scratch)
    found = study(short)
    assert found.curves is None
    assert found.from_scratch is None
    assert "no time for deletion" in (found.no_curves or "")
    reason = "was trained from scratch" if without else "no time for the maps of the network from scratch"
    assert reason in (found.no_from_scratch or "")
    assert [item.scratch for item in found.shown] == [None, None]


def test_pictures_that_are_gone_are_left_out(asked: StudyRequest, tmp_path: Path) -> None:
    gone = (tmp_path / "gone.png", *asked.sample[1:])
    found = study(replace(asked, sample=gone, from_scratch=None, output=tmp_path))
    assert found.images == 14
    with pytest.raises(UsageError, match="None of the pictures can be read"):
        study(replace(asked, sample=(tmp_path / "gone.png",), output=tmp_path))
