"""Slots without Ray: hosts run in this process, and what they are asked comes from the parent's side."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.helpers.workers.hosts_here import HostsHere
from tests.helpers.workers.parrot import PARROT, Counted, Pool, Repeat
from tlsearch.cluster import slot as cluster_slot
from tlsearch.cluster.slot import ClusterLostError, RaySlot
from tlsearch.worker.client import WorkerClient, WorkerDiedError, WorkerLostError
from tlsearch.worker.protocol import Request


@dataclass(frozen=True, kw_only=True)
class OfFitted(Repeat, Request[tuple[str, str]]):
    """Stands for what is about the model that a process has fitted last."""

    needs_fitted = True


def worker_of(hosts: HostsHere, *, with_gpu: bool = False) -> WorkerClient:
    return WorkerClient(hosts.log, RaySlot(hosts, with_gpu=with_gpu))


def test_requests_events_and_setups_cross_as_on_this_machine(hosts: HostsHere) -> None:
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        assert worker.send(Repeat(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node1")
        assert worker.memory() > 0
        assert worker.has_place()
        worker.close()
        assert worker.memory() == 0
        assert worker.send(Counted(text="second")) == ("second", "continue")


def test_the_death_of_a_process_is_told_with_its_code_and_its_node(hosts: HostsHere) -> None:
    with worker_of(hosts) as worker:
        with pytest.raises(WorkerDiedError, match="The worker process on node1 ended with code 0 while it answered"):
            worker.send(Repeat(half=True))
        assert worker.send(Repeat(text="again")) == ("again", "continue")


def test_what_a_process_prints_comes_into_the_log(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    printing = PARROT.replace("while True:", "print('said', file=sys.stderr, flush=True)\nwhile True:", 1)
    monkeypatch.setattr("tests.helpers.workers.parrot.PARROT", printing)
    with worker_of(hosts) as worker:
        worker.send(Repeat(text="first"))
    assert hosts.log.read_text() == "said\n"


def test_a_worker_whose_node_is_gone_gets_another_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError, match=r"on node1 was lost \(its node is gone\) while it answered"):
            worker.send(Counted(text="first"))
        assert worker.send(Counted(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node2")
        assert worker.has_place()


def test_what_any_process_can_answer_is_asked_in_another_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        hosts.take_away(hosts.hosts[0])
        assert worker.send(Repeat(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node2")
        with pytest.raises(WorkerDiedError, match="ended with code 0") as caught:  # that is the fault of the process
            worker.send(Repeat(half=True))
        assert not isinstance(caught.value, WorkerLostError)


def test_a_model_that_was_fitted_is_gone_with_its_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Counted(text="trial"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError, match="was lost"):
            worker.send(OfFitted(text="save"))


def test_where_there_is_no_other_place_it_is_a_guest_until_there_is_one(
    hosts: HostsHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_slot, "SLOT_SECONDS", 0.1)
    with worker_of(hosts) as one, worker_of(hosts) as other:
        one.send(Repeat(text="a"))
        other.send(Repeat(text="b"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError):
            one.send(Counted(text="c"))
        assert one.send(Repeat(text="c")) == ("c", "continue")
        assert not one.has_place()
        assert one.doing() == (None, "node2")
        assert hosts.hosts[1].guests == 1
        assert other.send(Repeat(text="d")) == ("d", "continue")  # its process is another one

        hosts.hosts[2].placed = True  # a node has come
        assert one.has_place()
        one.close()
        assert hosts.hosts[1].guests == 0
        assert one.send(Repeat(text="e")) == ("e", "continue")
        assert one.doing() == (None, "node3")


def test_it_is_a_guest_only_at_one_of_its_kind(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_slot, "SLOT_SECONDS", 0.1)
    with worker_of(hosts, with_gpu=True) as one, worker_of(hosts) as other:
        one.send(Repeat(text="a"))
        other.send(Repeat(text="b"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError):
            one.send(Counted(text="c"))
        with pytest.raises(ClusterLostError, match="no slot left"):  # the other one is free, and has no GPU
            one.send(Repeat(text="c"))
        hosts.hosts[2].placed = True  # a node with a GPU has come
        assert one.send(Repeat(text="d")) == ("d", "continue")
        assert other.send(Repeat(text="e")) == ("e", "continue")
        assert [host.with_gpu for host in hosts.hosts] == [True, False, True]


def test_a_worker_that_waits_for_a_place_can_be_interrupted(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_slot, "SLOT_SECONDS", 60.0)
    hosts.room = 0
    with worker_of(hosts) as worker, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(lambda: worker.send(Repeat(text="a")))
        while not hosts.hosts:
            time.sleep(0.01)
        while not worker.interrupt():  # there is no process yet for a moment
            time.sleep(0.01)
        with pytest.raises(WorkerDiedError):
            waiting.result()


def test_a_process_sees_a_gpu_where_its_slot_has_one(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    printing = PARROT.replace(
        "while True:", "import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'], file=sys.stderr)\nwhile True:", 1
    )
    monkeypatch.setattr("tests.helpers.workers.parrot.PARROT", printing)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")  # as Ray says it to what has reserved it
    for with_gpu in (True, False):
        with worker_of(hosts, with_gpu=with_gpu) as worker:
            worker.send(Repeat(text="first"))
    assert hosts.log.read_text().split() == ["7", "-1"]


def test_without_any_place_the_run_ends(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_slot, "SLOT_SECONDS", 0.1)
    hosts.room = 1
    with worker_of(hosts) as worker:
        worker.send(Repeat(text="a"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError):
            worker.send(Counted(text="b"))
        with pytest.raises(ClusterLostError, match="no slot left"):
            worker.send(Repeat(text="b"))


SLEEPING = PARROT.replace("    _, decision", "    import time; time.sleep(60)\n    _, decision", 1)


def test_it_is_ended_from_another_thread(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.helpers.workers.parrot.PARROT", SLEEPING)
    with worker_of(hosts) as worker:
        timer = threading.Timer(0.5, worker.interrupt)
        timer.start()
        with pytest.raises(WorkerDiedError, match="on node1 ended with code -9"):
            worker.send(Repeat(text="a"))
        timer.join()
