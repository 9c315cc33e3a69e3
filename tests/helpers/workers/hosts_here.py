"""A cluster whose hosts run in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tlsearch.cluster.host import Host, facts_here
from tlsearch.cluster.remote_host import HostLostError
from tlsearch.cluster.slot import ClusterLostError


class HostHere:
    """Stands for a ``RemoteHost``: a host in this process, on a node that a test takes away."""

    def __init__(self, number: int, *, placed: bool = True, with_gpu: bool = False) -> None:
        self.host, self.placed, self.with_gpu = Host(), placed, with_gpu
        self.node = f"node{number}"
        self.facts = facts_here(self.node)
        self.lost, self.guests, self.why = False, 0, ""

    def is_placed(self, seconds: float = 0.0) -> bool:
        if not (self.placed or self.lost):
            time.sleep(min(seconds, 0.05))
        return self.placed and not self.lost

    def call(self, method: str, *arguments: str | bytes) -> Any:
        return CallHere(self, method, arguments)

    def give_up(self) -> None:
        self.lost = True


class CallHere:
    """Stands for a ``Call``, which is made at once where nobody waits for its end."""

    def __init__(self, host: HostHere, method: str, arguments: tuple[str | bytes, ...]) -> None:
        if host.lost:
            return
        self.host, self.given = host, list[Any]()
        self.thread = threading.Thread(
            target=lambda: self.given.append(getattr(host.host, method)(*arguments)), daemon=True
        )
        self.thread.start()

    def result(self, still_wanted: Any = lambda: True) -> Any:
        while not hasattr(self, "thread") or self.host.lost or self.thread.is_alive():
            if not hasattr(self, "thread") or self.host.lost or not still_wanted():
                raise HostLostError("its node is gone")
            self.thread.join(0.05)
        return self.given[0]

    def result_within(self, seconds: float) -> Any:
        until = time.monotonic() + seconds
        return self.result(lambda: time.monotonic() < until)


class HostsHere:
    """Stands for a ``RayCluster`` that has room for so many hosts."""

    def __init__(self, log: Path, room: int) -> None:
        self.log, self.room = log, room
        self.variables: Mapping[str, str] = {"TLSEARCH_TRIED": "1"}
        self.hosts: list[HostHere] = []

    def ask(self, *, with_gpu: bool) -> Any:
        alive = sum(host.placed for host in self.hosts)
        self.hosts.append(HostHere(len(self.hosts) + 1, placed=alive < self.room, with_gpu=with_gpu))
        return self.hosts[-1]

    def take_away(self, host: HostHere) -> None:
        host.lost = True
        host.host.close()
        self.room -= 1
        host.placed = False

    def any_placed(self, is_wanted: Callable[[], bool], *, with_gpu: bool) -> Any:
        placed = [host for host in self.hosts if host.with_gpu == with_gpu and host.is_placed()]
        if not placed:
            raise ClusterLostError("there is no slot left")
        return min(placed, key=lambda host: host.guests)
