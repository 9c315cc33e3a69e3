"""A run scores boxes where its images have some: on the test images, with a threshold from the validation images."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import MakeOnce
from tests.helpers.images.scenes import CHOOSING, SCORED, write_all
from tests.helpers.pipeline.contexts import Heard, make_context, make_data
from tests.helpers.workers.fake_worker import FakeWorker
from tests.helpers.workers.worker_here import WorkerHere
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.errors import UsageError
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.report.localise import with_localisation
from tlsearch.results.schema import Insights
from tlsearch.worker.models.requests import ScoreBoxes

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(once: MakeOnce) -> Path:
    """Scenes with boxes in three parts, and a model."""
    return once("scenes", write_all)


@pytest.fixture(scope="module")
def data(folder: Path) -> Data:
    """The scenes as a run divides them."""
    index = scan(folder / "data")
    parts = split(index, 0, None)
    labels = index.labels
    made = make_data(labels, test=parts.test, val=parts.val, index=index, groups=parts.groups)
    assert (len(parts.val), len(parts.test)) == (CHOOSING * 3, SCORED * 3)
    return made


def without_boxes(data: Data, rows: tuple[int, ...]) -> Data:
    images = list(data.index.images)
    for row in rows:
        images[row] = replace(images[row], boxes=())
    return replace(data, index=replace(data.index, images=tuple(images)))


def test_boxes_are_scored_and_the_threshold_is_kept_beside_the_model(folder: Path, data: Data, tmp_path: Path) -> None:
    heard = Heard()
    context = make_context(tmp_path, WorkerHere(tmp_path), heard=heard)
    for name in ("model", "refit"):
        shutil.copytree(folder / "model", context.output / name)
    found = with_localisation(context, data, Insights())
    assert found.no_localisation is None
    told = found.localisation
    assert told is not None
    assert (told.images, told.threshold_images, told.threshold_from) == (SCORED * 3, CHOOSING * 3, "validation images")
    assert told.over_centre.pointing.ci95[0] > 0
    for name in ("model", "refit"):
        config = json.loads((context.output / name / "config.json").read_text())
        assert config["localisation"]["threshold"] == told.threshold
        assert config["image_size"] == 96
    [(step, line)] = heard.lines
    assert step == "boxes"
    assert f"on {SCORED * 3} images" in line


def test_a_network_from_scratch_that_is_refitted_has_no_threshold_of_the_winner(
    folder: Path, data: Data, tmp_path: Path
) -> None:
    context = make_context(tmp_path, WorkerHere(tmp_path))
    for name in ("model", "refit"):
        shutil.copytree(folder / "model", context.output / name)
    file = context.output / "refit" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "backbone": "small_cnn"}))
    assert with_localisation(context, data, Insights()).localisation is not None
    assert "localisation" in json.loads((context.output / "model" / "config.json").read_text())
    assert "localisation" not in json.loads(file.read_text())


def test_images_without_boxes_cost_nothing(data: Data, tmp_path: Path) -> None:
    plain = without_boxes(data, tuple(range(len(data.index.images))))
    worker = FakeWorker({})
    assert with_localisation(make_context(tmp_path, worker), plain, Insights()) == Insights()


def test_too_few_boxes_are_said(data: Data, tmp_path: Path) -> None:
    few = without_boxes(data, data.split.test[9:])
    found = with_localisation(make_context(tmp_path, FakeWorker({})), few, Insights())
    assert found.localisation is None
    assert found.no_localisation == "9 test images have boxes of their class, and 10 are the fewest"


def test_without_time_it_is_left_out(data: Data, tmp_path: Path) -> None:
    found = with_localisation(make_context(tmp_path, FakeWorker({}), limit=1.0), data, Insights())
    assert found.no_localisation == "the time limit left no time for it"


def test_what_goes_wrong_is_told_and_costs_nothing_else(data: Data, tmp_path: Path) -> None:
    def fail(request: ScoreBoxes, _: object) -> None:
        raise UsageError("The network sees a picture as one place.")

    found = with_localisation(make_context(tmp_path, FakeWorker({ScoreBoxes: fail})), data, Insights())
    assert found.localisation is None
    assert found.no_localisation == "The network sees a picture as one place."
