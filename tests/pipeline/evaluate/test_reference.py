"""The features of the training images beside the winner: what is asked for, and what becomes of trouble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, make_space
from tests.helpers.workers.fake_worker import FakeWorker
from tests.pipeline.at_use.test_settle import record, scratch
from tests.pipeline.at_use.test_use_budget import ALONE, SMALL
from tlsearch.errors import TrialError
from tlsearch.pipeline.at_use.use_budget import Shipped
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.evaluate.reference import SavedModel, keep_reference, keep_references, share_reference
from tlsearch.stats.claims import Gain
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult
from tlsearch.worker.models.requests import SaveReference

SPACE = make_space()
WINNER = SPACE.spec(SPACE.params(LITE))
DATA = make_data((0, 1, 0, 1, 1, 1), val=(4, 5))
OUTCOME = Outcome(
    TrialResult(spec=WINNER, state="complete", value=0.9, seconds=1.0),
    np.array([4, 5]),
    np.array([[0.2, 0.8], [0.4, 0.6]], np.float32),
)


def winner(outcome: Outcome | None) -> SavedModel:
    return SavedModel(spec=WINNER, candidate=LITE, folder="model", outcome=outcome)


def asked(folder: Path, outcome: Outcome | None, *, on_folds: bool = False) -> SaveReference:
    worker = FakeWorker({SaveReference: 6})
    data = make_data((0, 1, 0, 1, 1, 1), val=()) if on_folds else DATA
    keep_reference(make_context(folder, worker, seed=3), make_plan(SPACE, data=data), winner(outcome))
    (request,) = worker.requests
    assert isinstance(request, SaveReference)
    return request


def test_validation_images_are_held_out_and_what_is_predicted_of_them_is_counted(tmp_path: Path) -> None:
    request = asked(tmp_path, OUTCOME)
    assert (request.spec, request.candidate, request.seed) == (WINNER, LITE, 3)
    assert request.folder == tmp_path / "out" / "model"
    assert (request.held_out, request.predicted) == ((4, 5), (0, 2))


def test_on_folds_the_model_was_trained_on_every_image(tmp_path: Path) -> None:
    request = asked(tmp_path, None, on_folds=True)
    assert (request.held_out, request.predicted) == ((), (0, 0))


def test_trouble_is_told_and_costs_nothing(tmp_path: Path) -> None:
    heard = Heard()
    worker = FakeWorker({SaveReference: TrialError("no room")})
    keep_reference(make_context(tmp_path, worker, heard=heard), make_plan(SPACE, data=DATA), winner(OUTCOME))
    assert heard.warnings == ["predict cannot tell which pictures are unlike the training images: no room"]


@pytest.mark.parametrize("alone", [True, False])
def test_a_network_from_scratch_that_is_to_be_used_has_its_own(tmp_path: Path, *, alone: bool) -> None:
    worker = FakeWorker({SaveReference: 6})
    spec = replace(ALONE, image_size=WINNER.image_size)
    network = replace(scratch(), result=TrialResult(spec=spec, state="complete", value=0.9, seconds=1.0))
    shipped = Shipped(spec=spec if alone else WINNER, candidate=SMALL, folder="baseline" if alone else "model")
    confirmation = Confirmation(
        winner=record(WINNER), confirmed={}, rows=(), needed=1.0, compared=1, contenders=1, shipped=shipped
    )
    context, plan = make_context(tmp_path, worker), make_plan(SPACE, data=DATA)
    keep_references(context, plan, confirmation, {WINNER: OUTCOME}, network)
    asked = [request for request in worker.requests if isinstance(request, SaveReference)]
    found = [(request.folder.name, request.spec, request.candidate) for request in asked]
    assert found == [("model", WINNER, LITE), ("baseline", spec, SMALL)][: 1 + alone]


@pytest.mark.parametrize(("ci95", "kept"), [((-0.05, 0.02), True), ((-0.05, 0.04), False), ((0.01, 0.1), False)])
def test_a_network_from_scratch_that_test_may_offer_has_its_own(
    tmp_path: Path, *, ci95: tuple[float, float], kept: bool
) -> None:
    worker = FakeWorker({SaveReference: 6})
    spec = replace(ALONE, image_size=WINNER.image_size)
    network = replace(scratch(), result=TrialResult(spec=spec, state="complete", value=0.9, seconds=1.0))
    confirmation = Confirmation(winner=record(WINNER), confirmed={}, rows=(), needed=1.0, compared=1, contenders=1)
    context, plan = make_context(tmp_path, worker), make_plan(SPACE, data=DATA)
    gain = Gain(test=sum(ci95) / 2, ci95=ci95, mcnemar_midp=0.3)
    keep_references(context, plan, confirmation, {WINNER: OUTCOME}, network, gain)
    asked = [request.folder.name for request in worker.requests if isinstance(request, SaveReference)]
    assert asked == ["model", "baseline"][: 1 + kept]


def test_a_model_trained_once_more_has_the_reference_of_its_frozen_layers(tmp_path: Path) -> None:
    for name in ("model", "refit"):
        (tmp_path / name).mkdir()
    share_reference(tmp_path / "model", tmp_path / "refit")
    assert list((tmp_path / "refit").iterdir()) == []
    (tmp_path / "model" / "reference.npz").write_bytes(b"features")
    share_reference(tmp_path / "model", tmp_path / "refit")
    assert (tmp_path / "refit" / "reference.npz").read_bytes() == b"features"
