"""Which models are kept while the search goes on, and which trial is the linear probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan, search_of
from tests.helpers.pipeline.made_up import LITE, VGG, make_space
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.config_values import Preference
from tlsearch.errors import RunError
from tlsearch.pipeline.at_use.use_budget import UseBudget
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import drop_worse, fetch_model, final_seconds, keep_good, model_folder
from tlsearch.pipeline.search import best_probe
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import State, TrialResult
from tlsearch.worker.client import WorkerLostError
from tlsearch.worker.models.requests import LoadHead, SaveHead, SaveModel
from tlsearch.worker.protocol import RunTrial

SPACE = make_space()


class Saving(FakeWorker):
    """A worker that writes a folder with the spec's digest for a model."""

    def __init__(self, state: State = "complete") -> None:
        kinds = {SaveModel: self.save, SaveHead: self.save_head, LoadHead: self.load_head, RunTrial: self.train}
        super().__init__(kinds)
        self.state = state
        self.heads: list[type] = []

    @property
    def trained(self) -> list[RunTrial]:
        """The trials that it was asked to run."""
        return [request for request in self.requests if isinstance(request, RunTrial)]

    def save(self, request: SaveModel, _: object = None) -> None:
        request.folder.mkdir(parents=True)
        (request.folder / "model.keras").write_text(request.spec.digest)

    def save_head(self, request: SaveHead, _: object) -> None:
        self.heads.append(SaveHead)
        request.file.parent.mkdir(exist_ok=True)
        request.file.write_text(request.spec.digest)

    def load_head(self, request: LoadHead, _: object) -> None:
        self.heads.append(LoadHead)
        assert request.file.read_text() == request.spec.digest

    def train(self, request: RunTrial, _: object) -> Outcome:
        result = TrialResult(spec=request.spec, state=self.state, value=None, seconds=1.0, reason="no memory")
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


DATA = make_data((0, 1, 0, 1), val=(3,))
FOLDED = make_data((0, 1, 0, 1), val=())
PLAN = make_plan(SPACE, data=DATA)
ON_FOLDS = make_plan(SPACE, data=FOLDED)


def context_in(folder: Path, worker: Saving) -> RunContext:
    context = make_context(folder, worker)
    context.work.mkdir(parents=True, exist_ok=True)
    return context


def trial(number: int, value: float | None, state: State = "complete", **chosen: object) -> TrialRecord:
    spec = SPACE.spec(SPACE.params(LITE, **chosen))
    return TrialRecord(number=number, spec=spec, state=state, value=value, val_loss=0.5, seconds=1.0)


def suffix(number: int, value: float, depth: int) -> TrialRecord:
    return trial(number, value, train_suffix=True, freeze_depth=depth)


def keep(context: RunContext, plan: Plan, latest: TrialRecord, *told: TrialRecord) -> None:
    """What happens of the model of a trial: before it is told, and after."""
    keep_good(context, plan, search_of(SPACE, *told), latest, context.worker)
    drop_worse(context, plan, search_of(SPACE, *told, latest))


def test_the_models_of_the_best_three_are_kept_and_no_others(tmp_path: Path) -> None:
    context = context_in(tmp_path, Saving())
    finished: list[TrialRecord] = []
    kept = []
    values = [0.5, 0.7, 0.6, 0.4, 0.8, 0.9]
    for number, value in enumerate(values, 1):
        latest = suffix(number, value, number)
        keep(context, PLAN, latest, *finished)
        finished.append(latest)
        kept.append(sorted(n for n, f in enumerate(finished, 1) if model_folder(context.work, f.spec).exists()))
    assert kept == [[1], [1, 2], [1, 2, 3], [1, 2, 3], [2, 3, 5], [2, 5, 6]]


@pytest.mark.parametrize(
    ("prefer", "wanted"), [("small", [2, 4, 5, 6]), ("fast", [2, 4, 5, 6]), ("accurate", [4, 5, 6]), (None, [4, 5, 6])]
)
def test_where_a_cheap_model_is_preferred_the_best_one_of_every_network_is_kept(
    tmp_path: Path, prefer: Preference | None, wanted: list[int]
) -> None:
    """It is confirmed beside the best three and may ship, and no time is kept to train it again."""
    context = context_in(tmp_path, Saving())
    plan = replace(PLAN, use=UseBudget(prefer=prefer))
    finished: list[TrialRecord] = []
    for number, (network, value) in enumerate([(LITE, 0.4), (LITE, 0.5), (LITE, 0.3), *[(VGG, 0.7)] * 3], 1):
        spec = SPACE.spec(SPACE.params(network, train_suffix=True, freeze_depth=number))
        latest = TrialRecord(number=number, spec=spec, state="complete", value=value, val_loss=0.5, seconds=1.0)
        keep(context, plan, latest, *finished)
        finished.append(latest)
    kept = [each.number for each in finished if model_folder(context.work, each.spec).exists()]
    assert kept == wanted


def test_the_model_of_a_trial_that_was_not_told_yet_stays(tmp_path: Path) -> None:
    worker = Saving()
    context = context_in(tmp_path, worker)
    told = [suffix(number, number / 10, number) for number in range(1, 5)]
    untold = suffix(5, 0.01, 9)
    for each in (*told, untold):
        worker.save(
            SaveModel(spec=each.spec, candidate=LITE, folder=model_folder(context.work, each.spec), decode_size=96)
        )
    drop_worse(context, PLAN, search_of(SPACE, *told))
    kept = [each.number for each in (*told, untold) if model_folder(context.work, each.spec).exists()]
    assert kept == [2, 3, 4, 5]


def test_solved_heads_are_not_kept_for_they_come_out_the_same(tmp_path: Path) -> None:
    context = context_in(tmp_path, Saving())
    solved = trial(1, 0.9)
    keep(context, PLAN, solved)
    assert not list(tmp_path.rglob("model*"))


def test_of_a_frozen_network_only_the_head_is_kept(tmp_path: Path) -> None:
    worker = Saving()
    context = context_in(tmp_path, worker)
    hidden = trial(1, 0.9, hidden=True)
    keep(context, PLAN, hidden)
    assert [path.name for path in model_folder(context.work, hidden.spec).iterdir()] == ["head.npz"]
    fetch_model(context, DATA, hidden.spec, LITE, tmp_path / "model")
    assert worker.heads == [SaveHead, LoadHead]
    assert (tmp_path / "model" / "model.keras").read_text() == hidden.spec.digest
    assert worker.trained == []


def test_what_ships_is_what_was_kept(tmp_path: Path) -> None:
    worker = Saving()
    context = context_in(tmp_path, worker)
    winner = suffix(1, 0.9, 6)
    worker.save(
        SaveModel(spec=winner.spec, candidate=LITE, folder=model_folder(context.work, winner.spec), decode_size=96)
    )
    fetch_model(context, DATA, winner.spec, LITE, tmp_path / "model")
    assert (tmp_path / "model" / "model.keras").read_text() == winner.spec.digest
    assert worker.trained == []


def test_what_was_not_kept_is_made_again(tmp_path: Path) -> None:
    worker = Saving()
    fetch_model(context_in(tmp_path, worker), DATA, trial(1, 0.9).spec, LITE, tmp_path / "model")
    assert (tmp_path / "model" / "model.keras").exists()
    (trained,) = worker.trained
    assert (trained.folds, trained.keep_compiled) == ((DATA.fold,), False)
    with pytest.raises(RunError, match="could not be made again: no memory"):
        fetch_model(context_in(tmp_path, Saving("failed")), DATA, trial(1, 0.9).spec, LITE, tmp_path / "other")


def test_where_the_place_of_the_worker_is_lost_the_model_is_made_anew(tmp_path: Path) -> None:
    worker = Saving()
    save, lost = worker.save, iter([True, False, True, False])

    def save_where_it_is_not_lost(request: SaveModel, listener: object = None) -> None:
        if next(lost):
            raise WorkerLostError("node1 was lost")
        save(request, listener)

    worker.replies[SaveModel] = save_where_it_is_not_lost
    context, tuned, hidden = context_in(tmp_path, worker), suffix(1, 0.9, 6), trial(2, 0.8, hidden=True)
    fetch_model(context, DATA, tuned.spec, LITE, tmp_path / "tuned")
    assert len(worker.trained) == 2  # what was fitted is gone, and trained again from its seed
    assert (tmp_path / "tuned" / "model.keras").read_text() == tuned.spec.digest
    worker.save_head(SaveHead(spec=hidden.spec, file=model_folder(context.work, hidden.spec) / "head.npz"), None)
    fetch_model(context, DATA, hidden.spec, LITE, tmp_path / "hidden")
    assert worker.heads == [SaveHead, LoadHead, LoadHead]
    assert len(worker.trained) == 2
    assert (tmp_path / "hidden" / "model.keras").exists()


def test_with_folds_nothing_is_kept_and_what_ships_is_trained_on_the_whole_pool(tmp_path: Path) -> None:
    worker = Saving()
    context = context_in(tmp_path, worker)
    tuned = suffix(1, 0.9, 6)
    keep(context, ON_FOLDS, tuned)
    assert not list(tmp_path.rglob("model*"))
    fetch_model(context, FOLDED, tuned.spec, LITE, tmp_path / "model")
    (trained,) = worker.trained
    assert (trained.folds, trained.keep_compiled) == ((FOLDED.whole,), True)


def test_the_time_for_training_what_ships_is_known() -> None:
    tuned, longer = suffix(1, 0.9, 12), suffix(2, 0.8, 3)
    seconds = PLAN.costs.fold_seconds(longer.spec)
    assert seconds > PLAN.costs.fold_seconds(tuned.spec)
    asked = {
        (folds, refit): final_seconds(ON_FOLDS if folds else PLAN, [tuned, longer], 7.0, refit=refit)
        for folds in (False, True)
        for refit in (False, True)
    }
    assert asked == {
        (False, False): 0.0,
        (False, True): seconds,
        (True, False): seconds + 7.0,
        (True, True): seconds + 7.0,
    }


@pytest.mark.parametrize(
    "better",
    [
        {"skip_cut_depth": 5},
        {"policy": "standard"},
        {"hidden": True},
        {"train_suffix": True},
    ],
    ids=str,
)
def test_the_linear_probe_is_a_plain_solved_head(better: Mapping[str, Any]) -> None:
    plain, pooled = trial(1, 0.70), trial(2, 0.72, pooling="avgmax")
    spec = SPACE.spec(SPACE.params(VGG))
    other = TrialRecord(number=3, spec=spec, state="complete", value=0.71, val_loss=0.5, seconds=1.0)
    assert best_probe([plain, pooled, other, trial(4, 0.99, **better)], PLAN) is pooled
    assert best_probe([plain, other, trial(4, 0.99, **better)], PLAN) is other
    assert best_probe([trial(4, 0.99, **better)], PLAN) is None
    assert best_probe([trial(1, None, "failed")], PLAN) is None
