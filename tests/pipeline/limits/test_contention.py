"""How busy the machine is, as it is seen at moments of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_context
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.pipeline.limits.contention import note_contention
from tlsearch.pipeline.limits.shortest_limit import CONTENTION
from tlsearch.utils import machine


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is seen at each look, from the first on; it is used up."""
    values: list[float] = []
    monkeypatch.setattr(machine, "contention", lambda: values.pop(0))
    return values


def test_what_comes_is_priced_by_what_is_seen_beside_what_the_plan_saw(tmp_path: Path, seen: list[float]) -> None:
    context = make_context(tmp_path, limit=300.0)
    context.checkpoint.put(CONTENTION, 2.0)
    seen[:] = [5.0, 1.0]
    note_contention(context, "confirm")
    assert context.budget.price(10.0) == pytest.approx(25.0)
    note_contention(context, "later")  # the machine need not be faster than its estimates
    assert context.budget.price(10.0) == pytest.approx(10.0)


def test_a_resumed_run_sees_what_it_saw(tmp_path: Path, seen: list[float]) -> None:
    seen[:] = [3.0]
    for _ in range(2):
        context = make_context(tmp_path, limit=300.0)
        note_contention(context, "confirm", 1)
        assert context.budget.pace.now == 3.0


def test_nobody_looks_without_a_limit_or_beside_other_workers(tmp_path: Path, seen: list[float]) -> None:
    context = make_context(tmp_path)
    note_contention(context, "confirm")
    shared = make_context(tmp_path, FakeWorker({}), limit=300.0)
    shared.pool.settle(2, 1)
    note_contention(shared, "confirm")
    assert context.budget.pace.now == shared.budget.pace.now == 1.0
    assert seen == []
