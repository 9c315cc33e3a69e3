"""Jobs that ask a worker in between, with workers that compute nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from tests.worker.test_side_by_side import ASKED, Fake, pool_of, silent
from tests.worker.test_solved import CANDIDATE
from tlsearch.errors import OutOfMemoryError
from tlsearch.pipeline.jobs import Job, ask, run_jobs
from tlsearch.worker.client import WorkerDiedError, WorkerLostError
from tlsearch.worker.protocol import ExamineLabels


def asking(name: str, times: int, log: list[tuple[str, int]]) -> Job[str]:
    """A job that asks so many times."""
    text = name
    for _ in range(times):
        reply, worker = yield from ask(ASKED, silent)
        assert cast("object", reply) is worker  # a fake worker gives itself
        log.append((name, threading.get_ident()))
        text += "."
    return text


def results(workers: Sequence[Fake], jobs: Sequence[Job[Any]]) -> list[Any]:
    return [result.exception() or result.result() for result in run_jobs(pool_of(*workers), jobs)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_jobs_are_given_in_their_order_and_run_in_one_thread(workers: int) -> None:
    log: list[tuple[str, int]] = []
    jobs = [asking("a", 3, log), asking("b", 0, log), asking("c", 1, log)]
    assert results([Fake() for _ in range(workers)], jobs) == ["a...", "b", "c."]
    assert {thread for _, thread in log} == {threading.get_ident()}
    assert sorted(name for name, _ in log) == ["a", "a", "a", "c"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_reaches_the_job_that_asked(workers: int) -> None:
    fakes = [Fake() for _ in range(workers)]

    def fail(_: Fake) -> None:
        raise ValueError("no")

    for fake in fakes:
        fake.work = fail

    def careful() -> Job[str]:
        try:
            yield from ask(ASKED, silent)
        except ValueError as error:
            return f"caught {error}"
        return "nothing"

    def careless() -> Job[str]:
        yield from ask(ASKED, silent)
        return "nothing"

    found = results(fakes, [careful(), careless()])
    assert found[0] == "caught no"
    assert isinstance(found[1], ValueError)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("error", [WorkerDiedError, OutOfMemoryError])
def test_what_may_have_failed_for_others_is_repeated(workers: int, error: type[Exception]) -> None:
    failures = iter([True, False])

    def fail_once(worker: Fake) -> Fake:
        if next(failures, False):
            raise error("once")
        return worker

    fakes = [Fake() for _ in range(workers)]
    for fake in fakes:
        fake.work = fail_once
    assert results(fakes, [asking("a", 1, []), asking("b", 1, [])]) == ["a.", "b."]


@pytest.mark.parametrize(("error", "works"), [(WorkerLostError, True), (WorkerDiedError, False)])
def test_a_worker_alone_repeats_what_was_lost_with_its_place_and_nothing_else(
    error: type[Exception], works: bool
) -> None:
    failures = iter([True, True, False])

    def fail_twice(worker: Fake) -> Fake:
        if next(failures):
            raise error("lost")
        return worker

    fake = Fake()
    fake.work = fail_twice
    pool = pool_of(fake)
    pool.repeats = False
    (result,) = run_jobs(pool, [asking("a", 1, [])])
    assert isinstance(result.exception(), error) != works
    if works:
        assert result.result() == "a."


def test_an_interruption_reaches_every_job() -> None:
    told: list[str] = []

    def job(name: str, *, interrupts: bool) -> Job[None]:
        try:
            yield from ask(ASKED, silent)
            if interrupts:
                raise KeyboardInterrupt
            yield from ask(ASKED, silent)
        except KeyboardInterrupt:
            told.append(name)
            raise

    def slow(worker: Fake) -> Fake:
        if worker is fakes[1]:
            worker.killed.wait(20)
            raise WorkerDiedError("killed")
        return worker

    fakes = [Fake(), Fake()]
    for fake in fakes:
        fake.work = slow
    with pytest.raises(KeyboardInterrupt):
        results(fakes, [job("a", interrupts=True), job("b", interrupts=False)])
    assert sorted(told) == ["a", "b"]


def test_each_request_of_a_job_goes_to_a_worker_of_its_kind() -> None:
    solved = ExamineLabels(candidate=CANDIDATE, seed=0, seconds=None)
    workers = [Fake(), Fake()]

    def both(name: str) -> Job[list[bool]]:
        found = []
        for request in (ASKED, solved, ASKED, solved):
            _, worker = yield from ask(request, silent)
            found.append(cast("object", worker) is workers[1])
        return found

    pool = pool_of(*workers)
    pool.settle(2, 1, repeats=True, solvers=1)
    for jobs in ([both("a")], [both("a"), both("b"), both("c")]):
        assert [result.result() for result in run_jobs(pool, jobs)] == [[False, True, False, True]] * len(jobs)
