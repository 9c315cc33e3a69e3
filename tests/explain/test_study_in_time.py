"""A study of heat maps whose time ends: the maps that are done are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.runs.exported_run import write_images, write_model
from tlsearch.errors import OutOfTimeError
from tlsearch.explain import maps
from tlsearch.explain.maps import Explainer
from tlsearch.explain.study import StudyRequest, ToShow, study
from tlsearch.predictor import load
from tlsearch.utils import deadline
from tlsearch.utils.deadline import time_limit

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EACH = 10.0
"""Seconds that a batch of four pictures takes, on the clock of these tests."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> StudyRequest:
    """Two pictures to show, and a sample of fifteen."""
    folder = tmp_path_factory.mktemp("study")
    files = sorted(write_images(folder / "images", per_class=5).rglob("*.png"))
    shown = tuple(ToShow(file=file, path=file.name, true="blue", explained="blue") for file in files[:2])
    model = write_model(folder / "model")
    return StudyRequest(
        winner=model,
        from_scratch=model,
        output=folder / "out",
        shown=shown,
        sample=tuple(files),
        groups=tuple(range(len(files))),
    )


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that takes ten seconds for a batch of four."""
    now, features = [0.0], Explainer._features

    def slow(explainer: Explainer, images: Any) -> Any:
        now[0] += EACH
        return features(explainer, images)

    monkeypatch.setattr(maps, "BATCH", 4)
    monkeypatch.setattr(Explainer, "_features", slow)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now[0]))


@pytest.mark.parametrize(("batches", "sample"), [(1, 0), (3, 8), (4, 12)])
def test_the_maps_that_are_done_are_kept(asked: StudyRequest, tmp_path: Path, batches: int, sample: int) -> None:
    with time_limit(EACH * batches - 1):
        found = study(replace(asked, output=tmp_path))
    assert [item.path for item in found.shown] == [item.path for item in asked.shown]
    assert all((tmp_path / item.overlay).is_file() for item in found.shown)
    assert found.images == sample
    assert (found.border is None) is (sample == 0)
    assert "no time for the maps of the network from scratch" in (found.no_from_scratch or "")
    assert (found.curves is None) is (sample < 10)


def test_without_time_for_any_map_there_is_no_study(asked: StudyRequest, tmp_path: Path) -> None:
    with time_limit(-1.0), pytest.raises(OutOfTimeError):
        study(replace(asked, output=tmp_path))


def test_whoever_asks_for_all_maps_gets_all_or_none(asked: StudyRequest) -> None:
    explainer = Explainer(load(asked.winner))
    images = np.zeros((10, explainer.predictor.image_size, explainer.predictor.image_size, 3), np.uint8)
    with time_limit(EACH * 2 - 1):
        assert len(explainer.in_time(images).maps) == 8
    with time_limit(EACH * 2 - 1), pytest.raises(OutOfTimeError):
        explainer(images)
    assert len(explainer(images).maps) == 10
