"""Workers of two kinds, which compute nothing here: what is solved has some of its own."""

from __future__ import annotations

import threading
from typing import Any

from tests.worker.test_side_by_side import ASKED, Fake, ask, pool_of
from tlsearch.worker.pool import WorkerPool
from tlsearch.worker.side_by_side import SideBySide


def pool_of_two_kinds(*workers: Fake, solvers: int) -> WorkerPool:
    pool = pool_of(*workers)
    pool.settle(len(workers), 1, repeats=True, solvers=solvers)
    return pool


def test_what_is_solved_and_what_is_not_have_workers_of_their_own() -> None:
    workers = [Fake(), Fake(), Fake()]
    pool = pool_of_two_kinds(*workers, solvers=1)
    assert pool.able(solved=True) == workers[2:]
    assert pool.able(solved=False) == workers[:2]
    assert pool.worker_for(ASKED) is workers[0]
    assert workers[0].followed == []
    pool.settle(3, 1)
    assert pool.able(solved=True) == pool.able(solved=False) == workers


def test_a_job_waits_for_a_worker_of_its_kind_and_leaves_others_alone() -> None:
    workers = [Fake(), Fake(), Fake()]
    goes_on = threading.Event()
    for worker in workers[:2]:
        worker.work = lambda _: goes_on.wait(20)
    ran: list[tuple[str, int]] = []
    with SideBySide[Any](pool_of_two_kinds(*workers, solvers=1)) as side:

        def take() -> str:
            name, worker, _ = side.next_result()
            ran.append((str(name), workers.index(worker)))  # type: ignore[arg-type]  # a Fake
            side.release(worker)
            return str(name)

        side.start("a", ask)
        side.start("b", ask)
        assert not side.can_start()
        assert side.can_start(solved=True)
        side.start("c", ask)  # though a worker is free
        side.start("solved", ask, solved=True)
        assert take() == "solved"
        assert not side.can_start()
        side.start("solved too", ask, solved=True)
        assert take() == "solved too"
        goes_on.set()
        assert {take(), take(), take()} == {"a", "b", "c"}
        assert side.can_start()
    assert {worker for name, worker in ran if "solved" in name} == {2}
    assert {worker for name, worker in ran if "solved" not in name} <= {0, 1}


def test_jobs_that_wait_begin_in_their_order() -> None:
    workers = [Fake(), Fake()]
    with SideBySide[Any](pool_of_two_kinds(*workers, solvers=1)) as side:
        for letter in "abc":
            side.start(letter, ask, solved=True)
        ended = []
        for _ in "abc":
            name, worker, _ = side.next_result()
            ended.append(name)
            side.release(worker)
    assert ended == ["a", "b", "c"]
