"""Counting over nodes, without Ray: who has a GPU, and which hosts a run takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.workers.hosts_here import HostHere
from tlsearch.cluster import cluster as cluster_module
from tlsearch.cluster.cluster import RayCluster
from tlsearch.cluster.remote_host import HostLostError
from tlsearch.cluster.room import ClusterRequest, Node, Slots, divided, room_on
from tlsearch.cluster.slot import ClusterLostError
from tlsearch.errors import UsageError

GB = 1_000_000_000.0


def node(name: str, cpus: float, gpus: float = 0, memory: float = 64 * GB) -> Node:
    return Node(node_id=name, cpus=cpus, gpus=gpus, memory=memory)


NODES = (node("head", 0), node("a", 4, gpus=2), node("b", 8), node("c", 8, memory=1.3 * GB))


@pytest.mark.parametrize(
    ("cpus", "gpus", "with_gpu", "without"),
    [
        (1, None, 0, 4 + 8 + 2),  # the memory of the last one is enough for two
        (1, 1, 2, 10),
        (1, 0.5, 4, 10),
        (1, 0.25, 4, 10),  # the processors of the node are what it lacks then
        (4, 1, 1, 4),
        (1, 4, 0, 14),  # too few GPUs for one worker: a node like one without
    ],
)
def test_the_room_of_nodes(cpus: int, gpus: float | None, with_gpu: int, without: int) -> None:
    request = ClusterRequest(address="auto", cpus=cpus, gpus=gpus)
    assert room_on(NODES, request) == Slots(with_gpu=with_gpu, without=without)


@pytest.mark.parametrize(
    ("room", "workers", "apart", "expected"),
    [
        ((2, 9), None, None, (2, 2)),  # no more without a GPU than with one
        ((4, 1), None, None, (4, 1)),
        ((4, 0), None, None, (4, 0)),
        ((4, 9), None, False, (4, 0)),
        ((300, 9), None, None, (256, 0)),
        ((300, 9), None, True, (255, 1)),
        ((2, 9), 3, None, (2, 1)),  # GPUs first
        ((2, 9), 8, None, (2, 6)),
        ((4, 9), 4, None, (4, 0)),
        ((4, 9), 4, True, (3, 1)),
        ((4, 9), 1, None, (1, 0)),
        ((4, 9), 4, False, (4, 0)),
        ((4, 9), 5, False, None),
        ((4, 9), 14, None, None),
        ((4, 9), 1, True, None),
        ((4, 0), None, True, None),
        ((0, 9), None, None, None),  # GPUs were asked for
        ((0, 9), 2, True, None),
    ],
)
def test_workers_get_gpus_first(
    room: tuple[int, int], workers: int | None, apart: bool | None, expected: tuple[int, int] | None
) -> None:
    request = ClusterRequest(address="auto", gpus=1)
    found = divided(Slots(with_gpu=room[0], without=room[1]), request, workers, apart=apart)
    assert found == (None if expected is None else Slots(with_gpu=expected[0], without=expected[1]))


@pytest.mark.parametrize(
    ("workers", "apart", "expected"),
    [(None, None, 9), (3, None, 3), (3, False, 3), (10, None, None), (3, True, None)],
)
def test_without_gpus_all_workers_are_alike(workers: int | None, apart: bool | None, expected: int | None) -> None:
    slots = divided(Slots(without=9), ClusterRequest(address="auto"), workers, apart=apart)
    assert slots == (None if expected is None else Slots(without=expected))
    assert slots is None or slots.solvers == 0
    assert divided(Slots(), ClusterRequest(address="auto"), None, apart=apart) is None


class Rays:
    """Stands for the library, as far as it says which nodes there are."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.listed = nodes

    def nodes(self) -> list[dict[str, Any]]:
        gone = {"Alive": False, "NodeID": "gone", "Resources": {"CPU": 99.0, "GPU": 99.0, "memory": 99 * GB}}
        return [gone, *map(self._as_ray_says, self.listed)]

    def _as_ray_says(self, node: Node) -> dict[str, Any]:
        resources = {"CPU": node.cpus, "memory": node.memory, **({"GPU": node.gpus} if node.gpus else {})}
        return {"Alive": True, "NodeID": node.node_id, "Resources": resources}


class Cluster(RayCluster):
    """A cluster that is open, whose hosts are in this process; the first of each kind are placed at once."""

    def __init__(self, log: Path, gpus: float | None, placed: Slots) -> None:
        super().__init__(ClusterRequest(address="auto", gpus=gpus), log)
        self._ray = Rays(NODES)
        self.left = {True: placed.with_gpu, False: placed.without}
        self.made: list[HostHere] = []

    def ask(self, *, with_gpu: bool) -> Any:
        self.left[with_gpu] -= 1
        self.made.append(HostHere(len(self.made) + 1, placed=self.left[with_gpu] >= 0, with_gpu=with_gpu))
        self._hosts.append(self.made[-1])  # type: ignore[arg-type]  # stands for one
        return self.made[-1]

    def have(self, count: int) -> None:
        """Have so many workers."""
        while len(self._slots) < count:
            self.worker()

    def kinds(self, count: int) -> list[bool]:
        """Whether each of the first workers has a GPU, which its host has too."""
        wanted = [slot.with_gpu for slot in self._slots[:count]]
        assert [slot.host.with_gpu for slot in self._slots[:count]] == wanted
        return wanted


MakeCluster = Callable[..., Cluster]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeCluster]:
    """Makes clusters with these slots free, which nobody waits for long."""
    for name in ("ROOM_SECONDS", "AUTO_ROOM_SECONDS", "NO_ROOM_SECONDS"):
        monkeypatch.setattr(cluster_module, name, 0.2)
    made: list[Cluster] = []

    def one(with_gpu: int, without: int, *, gpus: float | None = 1, apart: bool | None = None) -> Cluster:
        made.append(Cluster(tmp_path / "worker.log", gpus, Slots(with_gpu=with_gpu, without=without)))
        made[-1].have(1)  # as before anybody knows what there is
        if gpus:
            assert made[-1].room(None, apart=apart) == 4
            made[-1].have(4)
        return made[-1]

    yield one
    for cluster in made:
        for host in cluster.made:
            host.host.close()


def test_the_first_workers_have_a_gpu(make: MakeCluster) -> None:
    cluster = make(2, 2)
    assert cluster.take(4, all_of_them=True) == 4
    assert cluster.kinds(4) == [True, True, False, False]
    assert cluster.slots == Slots(with_gpu=2, without=2)
    assert cluster._nodes_for_others() == {"a"}
    cluster.room(3)  # as many as a round has trials
    assert [slot.with_gpu for slot in cluster._slots[:3]] == [True, True, False]


def test_what_others_hold_is_left_out_by_its_kind(make: MakeCluster) -> None:
    cluster = make(1, 2)
    assert cluster.take(4, all_of_them=False) == 3
    assert cluster.slots == Slots(with_gpu=1, without=2)
    assert cluster.kinds(3) == [True, False, False]
    with pytest.raises(UsageError, match=r"has 3 slots free \(1 of them with a GPU\) of the 4 that were asked for"):
        make(1, 2).take(4, all_of_them=True)
    with pytest.raises(UsageError, match=r"has 2 slots free \(0 of them with a GPU\)"):
        make(0, 2).take(4, all_of_them=False)


def test_a_run_that_began_with_both_kinds_does_not_go_on_with_one(make: MakeCluster) -> None:
    cluster = make(2, 0)
    assert cluster.take(4, all_of_them=False) == 2
    assert cluster.slots.solvers == 0
    with pytest.raises(UsageError, match="has 2 slots free"):
        make(2, 0, apart=True).take(4, all_of_them=False)
    with pytest.raises(UsageError, match=r"needs a worker of either kind, .* room for 0 with a GPU and 14 without one"):
        make(0, 0, gpus=None).room(None, apart=True)


def test_too_many_are_refused_by_kind(make: MakeCluster) -> None:
    with pytest.raises(UsageError, match=r"13 workers with 1 CPU, 1 GPU and .* room for 2 and, without a GPU, for 10"):
        make(0, 0).room(13)
    with pytest.raises(UsageError, match="13 workers with"):
        make(0, 0, apart=True).room(13, apart=True)  # both kinds are there


@pytest.mark.parametrize(("with_gpu", "said"), [(True, "worker with a GPU"), (False, "worker without a GPU")])
def test_only_a_host_of_the_same_kind_takes_a_guest(make: MakeCluster, with_gpu: bool, said: str) -> None:
    cluster = make(1, 1)
    hosts = {kind: cluster.ask(with_gpu=kind) for kind in (True, False)}
    assert cluster.any_placed(lambda: True, with_gpu=with_gpu) is hosts[with_gpu]
    hosts[with_gpu].lost = True
    with pytest.raises(ClusterLostError, match=f"has no slot left for a {said}: bring its nodes back"):
        cluster.any_placed(lambda: True, with_gpu=with_gpu)


def test_hosts_that_are_asked_for_at_one_moment_are_each_of_the_kind_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Slowly(HostHere):
        """A host that takes as long to be asked for as on a cluster that has just lost a node."""

        def __init__(self, cpus: float, gpus: float | None, elsewhere: Collection[str] = ()) -> None:
            super().__init__(1, placed=False, with_gpu=gpus is not None)
            time.sleep(0.2 if gpus else 0.1)

    monkeypatch.setattr(cluster_module, "RemoteHost", Slowly)
    cluster = RayCluster(ClusterRequest(address="auto", gpus=1.0), tmp_path / "log")
    cluster._ray = Rays(NODES)
    with ThreadPoolExecutor(8) as threads:
        kinds = [number % 2 == 0 for number in range(8)]
        hosts = list(threads.map(lambda kind: cluster.ask(with_gpu=kind), kinds))
    assert [host.with_gpu for host in hosts] == kinds
    assert set(cluster._hosts) == set(hosts)  # all of them are given back in the end


def test_nobody_waits_for_a_host_that_is_not_wanted_any_more(make: MakeCluster) -> None:
    with pytest.raises(HostLostError, match="ended before it began"):
        make(0, 0).any_placed(lambda: False, with_gpu=True)
