"""Heat maps come after the answer: of images that are not test images, within the time, and never at its cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data
from tests.helpers.workers.fake_worker import FakeWorker
from tests.report.sections.test_heat_maps import STUDY
from tlsearch.errors import UsageError
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.report.heat_maps import (
    LEAST_SECONDS,
    MOST_SECONDS,
    SHOWN,
    allowed_seconds,
    with_heat_maps,
)
from tlsearch.results.schema import Insights, MapStudy, Mistake
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult, TrialSpec
from tlsearch.worker.models.requests import StudyMaps

RESULT = TrialResult(
    spec=TrialSpec(backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13),
    state="complete",
    value=0.5,
    seconds=1.0,
)
LABELS = (0, 1) * 20
TEST = tuple(range(30, 40))
VAL = tuple(range(10, 30))


def outcome(data: Data) -> Outcome:
    """All validation images are right but the first, surer from one to the next."""
    rows = np.arange(len(data.pool) - len(VAL), len(data.pool))
    labels = [data.index.images[data.pool[row]].label for row in rows]
    sure = np.linspace(0.6, 0.98, len(rows))
    right = np.array([label != 0 if place else label == 0 for place, label in enumerate(labels)], np.intp)
    probabilities = np.stack([1 - sure, sure], axis=1)
    probabilities[right == 0] = probabilities[right == 0][:, ::-1]
    return Outcome(RESULT, rows, probabilities.astype(np.float32))


def asked(tmp_path: Path, reply: object, *, limit: float | None = 1000.0, folds: bool = False) -> tuple[
    Insights, list[StudyMaps]
]:  # fmt: skip
    data = make_data(LABELS, test=TEST, val=() if folds else VAL)
    worker = FakeWorker({StudyMaps: reply})
    context = make_context(tmp_path, worker, limit=limit, seed=3)
    mistakes = (Mistake(path="10.png", true="cat", predicted="dog", probability=0.9),)
    found = with_heat_maps(context, data, Insights(), None if folds else outcome(data), mistakes)
    return found, [request for request in worker.requests if isinstance(request, StudyMaps)]


def test_the_study_is_of_validation_images(tmp_path: Path) -> None:
    (tmp_path / "out" / "baseline").mkdir(parents=True)
    found, (request,) = asked(tmp_path, STUDY)
    assert isinstance(found.heat_maps, MapStudy)
    assert found.no_heat_maps is None
    study = request.study
    assert study.winner == tmp_path / "out" / "model"
    assert study.from_scratch == tmp_path / "out" / "baseline"
    assert not study.seen
    assert study.seconds == request.seconds == pytest.approx(30)
    names = {f"{row}.png" for row in VAL}
    assert {file.name for file in study.sample} == names
    assert [file.name for file in study.sample] != sorted(file.name for file in study.sample)
    wrong, *right = study.shown
    assert (wrong.path, wrong.true, wrong.explained, wrong.mistake) == ("10.png", "cat", "dog", True)
    assert len(right) == SHOWN
    assert all(item.explained == item.true and item.path in names for item in right)
    assert {item.true for item in right[:2]} == {"cat", "dog"}  # the surest of each class first


def test_with_folds_the_images_are_all_but_the_test_images(tmp_path: Path) -> None:
    _, (request,) = asked(tmp_path, STUDY, folds=True)
    assert request.study.seen
    assert request.study.from_scratch is None
    assert {file.name for file in request.study.sample} == {f"{row}.png" for row in range(30)}
    assert len(request.study.shown) == 1


def test_what_goes_wrong_is_only_told(tmp_path: Path) -> None:
    found, _ = asked(tmp_path, UsageError("The network sees a picture as one place."))
    assert found.heat_maps is None
    assert found.no_heat_maps == "they could not be made: The network sees a picture as one place."


def test_without_time_there_are_none(tmp_path: Path) -> None:
    found, requests = asked(tmp_path, STUDY, limit=LEAST_SECONDS - 1)
    assert requests == []
    assert found.no_heat_maps == "the time limit left no time for them"


@pytest.mark.parametrize(("limit", "seconds"), [(60.0, LEAST_SECONDS), (1000.0, 30.0), (36000.0, MOST_SECONDS)])
def test_they_take_a_few_per_cent(tmp_path: Path, limit: float, seconds: float) -> None:
    assert allowed_seconds(make_context(tmp_path, limit=limit).budget) == pytest.approx(seconds)


def test_without_a_limit_they_take_a_few_per_cent_of_the_time_that_went_by(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    assert allowed_seconds(context.budget) == pytest.approx(LEAST_SECONDS)
    context.budget.set(1000)
    assert allowed_seconds(context.budget) == pytest.approx(30, abs=0.1)
