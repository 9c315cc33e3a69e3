"""Several workers at once, which compute nothing here: who runs what, in which thread, and how all is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tlsearch.config_values import FEWEST_BYTES
from tlsearch.types import Decision
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.events import Event, Listener, WorkProgress
from tlsearch.worker.pool import WorkerPool
from tlsearch.worker.protocol import GetVersions, Request
from tlsearch.worker.side_by_side import Desk, SideBySide, Stopped, Turns

ASKED = GetVersions()


class Fake:
    """A worker that tells one event, then does what the test wants."""

    def __init__(self, held: int = 0) -> None:
        self.held = held
        self.placed = True
        self.threads: int | None = None
        self.closed = self.started = 0
        self.followed: list[Any] = []
        self.killed = threading.Event()
        self.work: Callable[[Fake], Any] = lambda worker: worker

    def start(self) -> None:
        self.started += 1

    def send(self, request: Request[Any], listener: Listener | None = None) -> Any:
        if listener is not None:
            listener(WorkProgress("working", 1, 2))
        return self.work(self)

    def setup(self) -> tuple[()]:
        return ()

    def follow(self, other: object) -> None:
        self.followed.append(other)

    def use_threads(self, threads: int | None) -> None:
        self.threads = threads

    def memory(self) -> int:
        return self.held

    def has_place(self) -> bool:
        return self.placed

    def doing(self) -> tuple[None, str]:
        return None, ""

    def spent(self) -> tuple[()]:
        return ()

    def interrupt(self) -> bool:
        self.killed.set()
        return True

    def close(self) -> None:
        self.closed += 1

    kill = close


def pool_of(*workers: Fake, memory: int | None = None) -> WorkerPool:
    given = iter(workers)
    pool = WorkerPool(lambda: next(given))
    pool.settle(len(workers), 1, repeats=True, memory=memory)
    return pool


def silent(event: Event) -> Decision:
    return Decision.CONTINUE


def ask(desk: Desk, *, alone: bool = False) -> Any:
    return desk.send(ASKED, silent, alone=alone)


def test_a_pool_has_as_many_workers_as_are_wanted_with_their_threads() -> None:
    workers = [Fake() for _ in range(3)]
    pool = pool_of(*workers)
    assert [worker.threads for worker in workers] == [1, 1, 1]
    pool.start()
    pool.settle(1, None)
    assert [worker.closed for worker in workers] == [0, 1, 1]
    assert (pool.workers, workers[0].threads, pool.repeats) == ([workers[0]], None, False)


def test_jobs_run_at_once_and_events_are_heard_in_one_thread() -> None:
    workers = [Fake(), Fake()]
    meet, heard = threading.Barrier(2, timeout=20), set[int]()
    for worker in workers:
        worker.work = lambda worker: meet.wait() >= 0

    def listener(event: Event) -> Decision:
        heard.add(threading.get_ident())
        return Decision.CONTINUE

    with SideBySide[Any](pool_of(*workers)) as side:
        for name in "ab":
            assert side.can_start()
            side.start(name, lambda desk: desk.send(ASKED, listener, alone=False))
        assert not side.can_start()
        results = [side.next_result() for _ in range(2)]
    assert sorted(str(name) for name, _, _ in results) == ["a", "b"]
    assert [future.result() for _, _, future in results] == [True, True]
    assert heard == {threading.get_ident()}
    assert workers[1].followed == [workers[0]]
    assert workers[0].followed == []


def test_a_job_goes_where_the_same_was_done_before() -> None:
    workers = [Fake(), Fake(), Fake()]
    pool, places = pool_of(*workers), []
    for likes in ("abc", "cab"):
        with SideBySide[Any](pool) as side:
            for like in likes:
                side.start(like, ask, like=like)
            for _ in likes:
                name, worker, _ = side.next_result()
                side.release(worker)
                places.append((name, workers.index(worker)))  # type: ignore[arg-type]  # a Fake
    assert sorted(places[:3], key=str) == sorted(places[3:], key=str)


def test_an_error_is_raised_where_the_result_is_taken() -> None:
    worker = Fake()

    def fail(_: Fake) -> None:
        raise WorkerDiedError("gone")

    worker.work = fail
    with SideBySide[Any](pool_of(worker, Fake())) as side:
        side.start(1, ask)
        _, _, future = side.next_result()
    with pytest.raises(WorkerDiedError, match="gone"):
        future.result()


@pytest.mark.parametrize(
    ("held", "memory", "starts"),
    [
        ((0, 0), None, True),
        ((0, 0), FEWEST_BYTES - 1, False),  # nothing is known yet but the least that a worker needs
        ((1_000_000_000, 0), 2_000_000_000, True),  # a second one is expected to grow as large as the first
        ((1_000_000_000, 0), 1_900_000_000, False),
        ((1_000_000_000, 900_000_000), 2_000_000_000, True),
    ],
)
def test_no_more_runs_at_once_than_there_is_memory_for(held: tuple[int, int], memory: int | None, starts: bool) -> None:
    workers = [Fake(), Fake()]
    goes_on = threading.Event()
    workers[0].work = lambda _: goes_on.wait(20)
    with SideBySide[Any](pool_of(*workers, memory=memory)) as side:
        assert side.can_start()  # one always runs
        side.start(1, ask)
        workers[0].held, workers[1].held = held
        assert side.can_start() is starts
        goes_on.set()
        side.release(side.next_result()[1])
        assert side.can_start()


def test_one_that_is_alone_waits_for_the_others_and_keeps_them_out() -> None:
    turns, log = Turns(), list[str]()
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with turns.take(alone=False):
            inside.set()
            leave.wait(20)
            log.append("first")

    def alone() -> None:
        with turns.take(alone=True):
            log.append("alone")
            time.sleep(0.05)
            log.append("still alone")

    def later() -> None:
        with turns.take(alone=False):
            log.append("later")

    threads = [threading.Thread(target=target) for target in (first, alone, later)]
    threads[0].start()
    inside.wait(20)
    threads[1].start()
    while not turns._waiting:
        time.sleep(0.001)
    threads[2].start()
    leave.set()
    for thread in threads:
        thread.join(20)
    assert log == ["first", "alone", "still alone", "later"]


def test_what_interrupts_ends_every_job_and_its_process() -> None:
    workers = [Fake(), Fake()]

    def until_killed(worker: Fake) -> None:
        worker.killed.wait(20)
        raise WorkerDiedError("killed")

    for worker in workers:
        worker.work = until_killed
    side = SideBySide[Any](pool_of(*workers))

    def interrupt() -> None:
        with side:
            side.start(1, ask)
            side.start(2, ask)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not any(thread.is_alive() for thread in side._threads)
    with pytest.raises(Stopped):
        side.call(lambda: None)


def test_what_a_call_raises_is_raised_in_both_threads() -> None:
    seen: list[BaseException] = []

    def fail() -> None:
        raise ValueError("a fault of the parent")

    def job(desk: Desk) -> None:
        try:
            desk.call(fail)
        except ValueError as error:
            seen.append(error)
            raise

    with SideBySide[Any](pool_of(Fake(), Fake())) as side:
        side.start(1, job)
        with pytest.raises(ValueError, match="a fault of the parent"):
            side.next_result()
    assert len(seen) == 1


def test_a_worker_without_a_place_of_its_own_runs_nothing_beside_others() -> None:
    guest, other = Fake(), Fake()
    guest.placed = False
    goes_on = threading.Event()
    other.work = lambda _: goes_on.wait(20)
    with SideBySide[Any](pool_of(guest, other)) as side:
        side.start("a", ask)  # goes to the one that has a place
        assert not side.can_start()
        goes_on.set()
        _, worker, _ = side.next_result()
        assert worker is other
        side.release(worker)
        assert side.can_start()
    with SideBySide[Any](pool_of(guest)) as side:  # where there is nobody else it runs all the same
        assert side.can_start()
        side.start("b", ask)
        _, worker, _ = side.next_result()
    assert worker is guest


def test_a_pool_is_watched_while_it_is_waited_for() -> None:
    worker = Fake()
    seen = threading.Event()
    worker.work = lambda _: seen.wait(20)
    pool = pool_of(worker)
    pool.watch = seen.set
    with SideBySide[Any](pool) as side:
        side.start("a", ask)
        _, _, future = side.next_result()
    assert future.result() is True


def test_what_needs_the_files_of_this_machine_is_done_here() -> None:
    pool = pool_of(Fake())
    assert pool.near is pool.main
    far, near = Fake(), Fake()
    spread = WorkerPool(lambda: far, lambda: near)
    spread.settle(1, 2)
    assert spread.everybody == [far]
    assert spread.near is near
    assert near.threads == 2
    assert spread.everybody == [far, near]
    spread.close()
    assert (far.closed, near.closed) == (1, 1)
