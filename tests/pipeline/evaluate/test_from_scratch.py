"""What becomes of the networks from scratch where a machine becomes slow at the end of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.confirming import scratch
from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.pipeline.at_use.use_budget import Shipped
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate.from_scratch import fetch_from_scratch
from tlsearch.pipeline.evaluate.models import Models, refit
from tlsearch.pipeline.saved_models import fold_model_folder, model_folder
from tlsearch.runs.budget import EndPrice
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import State, TrialResult
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import RunTrial

FOLDED, PARTS = make_data((0, 1, 0, 1), val=()), make_data((0, 1, 0, 1), val=(3,))
SECONDS = 20.0
"""What a network took to train, on a machine that did nothing else."""


def network(seed: int = 0) -> BaselineResult:
    found = scratch(SECONDS)
    return replace(found, result=replace(found.result, spec=replace(found.result.spec, seed=seed)))


class Machine(FakeWorker):
    """Trains a model once more, and writes "whole" into its folder; ``state`` is how that ends."""

    def __init__(self, state: State = "complete") -> None:
        super().__init__({RunTrial: self._train, SaveModel: self._save})
        self.state = state

    @property
    def trained(self) -> list[RunTrial]:
        return [request for request in self.requests if isinstance(request, RunTrial)]

    def _train(self, request: RunTrial, _: object) -> Outcome:
        result = TrialResult(spec=request.spec, state=self.state, value=None, seconds=1.0, reason="its time ended")
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))

    def _save(self, request: SaveModel, _: object) -> None:
        request.folder.mkdir(parents=True)
        (request.folder / "model.keras").write_text("whole")


def context_of(
    folder: Path, worker: Machine, heard: Heard, *, left: float | None, slower: float = 1.0, data: Data = FOLDED
) -> RunContext:
    """A run with so many seconds left, whose test and report take 15 s on a machine that does nothing else."""
    context = make_context(folder, worker, limit=None if left is None else 1000.0, heard=heard)
    context.budget.end = EndPrice(models=9.0, test=10.0, report=5.0)
    if left is not None:
        context.budget.set(1000.0 - left)
    context.budget.pace.note(1e6, slower * 1e6)
    for each in (network(), network(1)):
        kept = (fold_model_folder if data.uses_folds else model_folder)(context.work, each.result.spec)
        kept.mkdir(parents=True)
        (kept / "model.keras").write_text("first fold" if data.uses_folds else "whole")
    return context


def fetched(context: RunContext, folder: Path, data: Data = FOLDED) -> tuple[BaselineResult, list[str]]:
    folders = [folder / "baseline", folder / "scratch-small_cnn"]
    made = fetch_from_scratch(context, data, replace(network(), others=(network(1),)), folders)
    assert made is not None
    return made, [(target / "model.keras").read_text() for target in folders]


@pytest.mark.parametrize(("left", "slower"), [(None, 4.0), (36.0, 1.0), (141.0, 4.0)])
def test_with_folds_they_are_trained_on_all_images_where_there_is_time(
    left: float | None, slower: float, tmp_path: Path
) -> None:
    worker, heard = Machine(), Heard()
    context = context_of(tmp_path, worker, heard, left=left, slower=slower)
    made, models = fetched(context, tmp_path)
    assert models == ["whole", "whole"]
    assert [request.folds for request in worker.trained] == [(FOLDED.whole,), (FOLDED.whole,)]
    for request in worker.trained:  # it ends by itself before test and report would be late
        assert request.seconds is None if left is None else request.seconds == pytest.approx(left - 15 * slower, abs=1)
    assert (made.no_claim, made.others[0].no_claim, heard.warnings) == ("", "", [])
    assert not made.of_fold


def test_on_a_machine_that_has_become_slow_the_model_of_the_first_fold_is_tested_and_nothing_is_claimed(
    tmp_path: Path,
) -> None:
    worker, heard = Machine(), Heard()
    context = context_of(tmp_path, worker, heard, left=100.0, slower=4.0)
    made, models = fetched(context, tmp_path)
    assert models == ["first fold", "first fold"]
    assert worker.trained == []
    seen = (
        f"the time limit left no time to train it on all {len(FOLDED.pool)} images, as the winner was: it has seen "
        f"{len(FOLDED.fold.train)}"
    )
    assert (made.no_claim, made.others[0].no_claim) == (seen, seen)
    assert made.of_fold
    assert made.others[0].of_fold
    assert heard.warnings == [f"small_cnn from scratch is tested as it is: {seen}"] * 2


def test_a_resumed_run_decides_as_it_did(tmp_path: Path) -> None:
    worker = Machine()
    context = context_of(tmp_path, worker, Heard(), left=100.0, slower=4.0)
    fetched(context, tmp_path / "before")
    context.budget.set(0.0)
    made, models = fetched(context, tmp_path / "after")
    assert (models, worker.trained, bool(made.no_claim)) == (["first fold", "first fold"], [], True)


def test_where_the_training_is_cut_by_its_time_the_model_of_the_first_fold_is_tested(tmp_path: Path) -> None:
    worker, heard = Machine("timed_out"), Heard()
    made, models = fetched(context_of(tmp_path, worker, heard, left=100.0), tmp_path)
    assert models == ["first fold", "first fold"]
    assert len(worker.trained) == len(heard.warnings) == 2
    assert made.no_claim


def test_with_a_validation_part_the_model_that_was_validated_is_tested(tmp_path: Path) -> None:
    worker, heard = Machine(), Heard()
    context = context_of(tmp_path, worker, heard, left=1.0, slower=4.0, data=PARTS)
    made, models = fetched(context, tmp_path, PARTS)
    assert (models, worker.trained, heard.warnings, made.no_claim) == (["whole", "whole"], [], [], "")


def test_without_a_network_from_scratch_there_is_nothing_to_make(tmp_path: Path) -> None:
    assert fetch_from_scratch(make_context(tmp_path), FOLDED, None, []) is None


@pytest.mark.parametrize("of_fold", [False, True])
def test_that_the_model_to_use_has_seen_all_images_is_said_only_where_it_has(of_fold: bool, tmp_path: Path) -> None:
    heard, made = Heard(), replace(network(), of_fold=of_fold)
    winner = TrialRecord.of(0, made.result.spec, made.result, ())
    shipped = Shipped(spec=made.result.spec, candidate=made.candidate, folder="baseline")
    confirmation = Confirmation(
        winner=winner, confirmed={}, rows=(), needed=1.0, compared=1, contenders=1, shipped=shipped
    )
    models = Models(confirmation=confirmation, folders={}, baseline=made)
    assert not refit(make_context(tmp_path, heard=heard), make_plan(data=FOLDED), models)
    said = [text for _, text in heard.lines]
    assert (said, len(heard.warnings)) == (
        ([], 1) if of_fold else (["not needed: the tested model has been trained on all but the test images"], 0)
    )
