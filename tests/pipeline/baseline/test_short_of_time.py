"""What is said of the networks from scratch that time has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, facts_of, make_space
from tests.helpers.workers.fake_worker import FakeWorker
from tests.pipeline.baseline.test_baseline import FLAT, Warned, halved, measured
from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.baseline import train_baseline
from tlsearch.pipeline.baseline.affordable import not_affordable
from tlsearch.pipeline.baseline.schedule import has_epoch
from tlsearch.pipeline.scratch_time import ENOUGH_EPOCHS, costs_of
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.training.trial import Outcome
from tlsearch.utils.units import short_duration
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.events import Listener
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import MeasureCandidate, RunSuccessiveHalving


@pytest.mark.parametrize("late", ["small_cnn", LITE.backbone])
def test_whichever_network_has_no_time_is_named(tmp_path: Path, late: str) -> None:
    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        if request.candidate.backbone == late:
            raise OutOfTimeError("its time was over before an epoch")
        return halved(FLAT)(request, listener)

    heard = Warned()
    worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, RunSuccessiveHalving: halve})
    context = make_context(tmp_path, worker, limit=1e6, heard=heard)
    baseline = train_baseline(context, make_plan(), LITE)
    assert baseline is not None
    assert baseline.architecture != late
    assert heard.warnings == [f"{late} is not trained from scratch: its time was over before an epoch"]


def test_where_not_half_an_epoch_fits_nothing_is_trained(tmp_path: Path) -> None:
    """Its few steps would tell nothing, and the search can have the time."""
    heard = Warned()
    worker = FakeWorker({MeasureCandidate: measured})
    plan = make_plan(data=make_data((0, 1) * 600))
    context = make_context(tmp_path, worker, limit=10.0, heard=heard)
    assert train_baseline(context, plan, LITE) is None
    assert heard.warnings == ["no network is trained from scratch: there was no time left for an epoch"]


@pytest.mark.parametrize(("seconds", "fits"), [(0.002, True), (10.0, False)])
@pytest.mark.parametrize("images", [1200, 80])
def test_whether_half_an_epoch_fits_stays_as_it_was_found(
    tmp_path: Path, images: int, seconds: float, fits: bool
) -> None:
    """A resumed run would find another pace; of few images ten steps are half an epoch."""
    plan, context = make_plan(data=make_data((0, 1) * (images // 2))), make_context(tmp_path, limit=600.0)
    found = fits or images == 80
    assert has_epoch(context, plan, facts_of(LITE, forward_seconds=seconds), 60.0) is found
    assert has_epoch(context, plan, facts_of(LITE, forward_seconds=10.0 if fits else 0.002), 60.0) is found


@pytest.mark.parametrize("error", [OutOfTimeError("its time was over"), WorkerDiedError("The worker was killed.")])
def test_what_was_not_trained_is_not_trained_in_a_run_that_is_resumed(tmp_path: Path, error: Exception) -> None:
    """The time for it was spent, its trials are recorded, and the search has gone on without it."""
    asked: list[str] = []

    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        asked.append(request.candidate.backbone)
        if request.candidate.backbone == LITE.backbone and len(asked) < 3:
            raise error
        return halved(FLAT)(request, listener)

    said = []
    for _ in range(2):
        heard = Warned()
        worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, RunSuccessiveHalving: halve})
        context = make_context(tmp_path, worker, limit=1e6, heard=heard)
        baseline = train_baseline(context, make_plan(make_space(policies=("none",))), LITE)
        assert baseline is not None
        assert (baseline.architecture, baseline.others) == ("small_cnn", ())
        said.append(heard.warnings)
    assert asked == ["small_cnn", LITE.backbone]
    assert said[0] == said[1] == [f"{LITE.backbone} is not trained from scratch: {error}"]


def test_what_ended_the_run_is_tried_again_when_it_is_resumed(tmp_path: Path) -> None:
    died = WorkerDiedError("The worker was killed.")
    for reply in (died, halved(FLAT)):
        worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, RunSuccessiveHalving: reply})
        context, plan = make_context(tmp_path, worker, limit=1e6), make_plan(make_space(policies=("none",)))
        if reply is died:
            with pytest.raises(WorkerDiedError):
                train_baseline(context, plan, LITE)
        else:
            assert train_baseline(context, plan, LITE) is not None


def test_what_is_not_affordable_names_the_share_of_the_time_that_it_may_take(tmp_path: Path) -> None:
    """Less than the whole run would be enough, so that its limit alone would say nothing; both are at today's pace."""
    plan, context = make_plan(), make_context(tmp_path, limit=300.0)
    costs = costs_of(plan.data, RENDER_SECONDS)
    needed = costs.halving_seconds(plan.measured[LITE], ENOUGH_EPOCHS)
    context.budget.pace.note(1e6, 2e6)
    share = 0.5 * needed
    (reason,) = not_affordable(context, plan, costs, plan.measured[LITE], share, 10)
    would, may = (short_duration(context.budget.price(seconds)) for seconds in (needed, share))
    assert reason == (
        f"efficientnet_lite0 (30 epochs would take about {would}, and {may} of the run's 5m 00s are kept for it)"
    )
    assert would != short_duration(needed)
