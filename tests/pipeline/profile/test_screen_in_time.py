"""A look at a few images has its share of the time, and sets the pace of what comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context
from tests.helpers.pipeline.made_up import facts_of
from tests.helpers.workers.fake_worker import FakeWorker
from tests.pipeline.profile.test_screen import NETWORKS, plan_of
from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile.screen import SCREEN_IMAGES, screen
from tlsearch.pipeline.profile.timed import MOST_TIME, NO_TIME
from tlsearch.search.cost import COMPILE_SECONDS, FIXED_SECONDS
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import ScreenCandidate


def timed_plan() -> Plan:
    """Six networks, of which the first is the cheapest."""
    plan = plan_of(*NETWORKS)
    plan.costs.facts = {c: facts_of(c, forward_seconds=0.01 * (1 + number)) for number, c in enumerate(NETWORKS)}
    return plan


def test_a_network_without_time_for_a_look_is_left_out_and_the_cheapest_stays(tmp_path: Path) -> None:
    """A run that is resumed leaves it out too, and asks nobody again."""

    def scores(request: ScreenCandidate, _: object) -> tuple[tuple[float, float], ...]:
        if request.candidate in (NETWORKS[0], NETWORKS[5]):
            raise OutOfTimeError("its time was over")
        return ((0.9, 0.02),) * 3

    heard, worker = Heard(), FakeWorker({ScreenCandidate: scores})
    for asked in (6, 0):
        worker.requests.clear()
        plan = screen(make_context(tmp_path, worker, limit=1000.0, heard=heard), timed_plan())
        assert plan.space.candidates == NETWORKS[:5]
        assert [(item.name, item.reason) for item in plan.left_out] == [(NETWORKS[5].label, NO_TIME)]
        assert [item.label for item in plan.screened] == [c.label for c in NETWORKS[1:5]]
        assert len(worker.requests) == asked
        given = [request.seconds for request in worker.requests if isinstance(request, ScreenCandidate)]
        assert given == [pytest.approx(1000.0 * MOST_TIME)] * asked
    assert heard.warnings == [f"{NETWORKS[5].label} is left out: {NO_TIME}"] * 2


def test_a_network_whose_worker_died_in_its_look_stays_in_a_run_that_is_resumed(tmp_path: Path) -> None:
    """A look that succeeds then would leave it out, and the study knows it."""
    dies = True

    def scores(request: ScreenCandidate, _: object) -> tuple[tuple[float, float], ...]:
        if request.candidate != NETWORKS[5]:
            return ((0.9, 0.02),) * 3
        if dies:
            raise WorkerDiedError("The worker process was killed.")
        return ((0.1, 0.02),) * 3

    for folder, dies, stay in ((tmp_path, True, 6), (tmp_path, False, 6), (tmp_path / "another", False, 5)):  # noqa: B007
        plan = screen(make_context(folder, FakeWorker({ScreenCandidate: scores})), timed_plan())
        assert plan.space.candidates == NETWORKS[:stay]


def test_without_a_limit_it_has_all_the_time() -> None:
    assert ScreenCandidate(candidate=NETWORKS[0], rows=(0,), seed=0).allowed is None
    assert ScreenCandidate(candidate=NETWORKS[0], rows=(0,), seed=0, seconds=3.0).allowed == 3.0


def test_looks_set_the_pace(tmp_path: Path) -> None:
    """They took four times as long as estimated: so will what comes later, in a run that is resumed too."""
    plan = timed_plan()
    plan.costs.facts = {c: facts_of(c, forward_seconds=50.0 / SCREEN_IMAGES) for c in NETWORKS}

    def slow(request: ScreenCandidate, _: object) -> tuple[tuple[float, float], ...]:
        context.budget.started -= 200.0
        return ((0.9, 0.02),) * 3

    factors = []
    for worker in (FakeWorker({ScreenCandidate: slow}), FakeWorker({})):
        context = make_context(tmp_path, worker, limit=10_000.0)
        screen(context, plan)
        factors.append(context.budget.pace.factor)
    assert factors[0] == pytest.approx(200 / (50 + FIXED_SECONDS + COMPILE_SECONDS), abs=0.3)
    assert factors[1] == factors[0]
