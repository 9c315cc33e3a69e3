"""What is said of the networks from scratch that time has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context, make_plan
from tests.helpers.pipeline.made_up import LITE
from tests.helpers.workers.fake_worker import FakeWorker
from tests.pipeline.baseline.test_baseline import FLAT, Warned, halved, measured
from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.baseline import train_baseline
from tlsearch.pipeline.baseline.affordable import not_affordable
from tlsearch.pipeline.scratch_time import ENOUGH_EPOCHS, costs_of
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.training.trial import Outcome
from tlsearch.utils.units import short_duration
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
