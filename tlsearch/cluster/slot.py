"""The slot of one worker in the cluster, and the worker processes that run there."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from tlsearch.cluster.host import split
from tlsearch.cluster.remote_host import POLL_SECONDS, HostLostError, RemoteHost
from tlsearch.errors import TlsearchError
from tlsearch.worker.channel import pack, unpack
from tlsearch.worker.process import Ended

SLOT_SECONDS = 10.0
"""How long a worker that has lost its slot waits for another one of its own before it becomes somebody's guest."""

NOT_WANTED = "it was ended before it began"

_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}
"""What hides all GPUs from a process: a slot that has reserved none uses none."""

_KILL_SECONDS = 5.0
"""How long after the end of a process was asked for its answer is waited for."""

_END_SECONDS, _ASK_SECONDS = 20.0, 5.0


class ClusterLostError(TlsearchError):
    """There is no slot left for any worker. The run can be resumed."""


class Hosts(Protocol):
    """The hosts of a run."""

    log: Path
    variables: Mapping[str, str]

    def ask(self, *, with_gpu: bool) -> RemoteHost:
        """Ask the cluster for one more host, without waiting for it."""

    def any_placed(self, is_wanted: Callable[[], bool], *, with_gpu: bool) -> RemoteHost:
        """Give a host of a kind that is somewhere, the one with the fewest guests, while it is wanted.

        Raises:
            ClusterLostError: There was none for a long time.
            HostLostError: Nobody waits for it any more.
        """


class RaySlot:
    """Where one worker computes: on a host of its own, or as a guest on that of another where there is no other room.

    A node that goes takes its hosts with it. The slot then asks the cluster for another host at once, and a later
    process runs there as soon as the cluster has room. Until then its worker runs nothing beside others. It is a guest
    only on a host of its own kind, so that what it computes does not depend on the loss.

    Attributes:
        with_gpu: Whether its hosts have a GPU.
    """

    def __init__(self, hosts: Hosts, *, with_gpu: bool = False) -> None:
        """Ask for nothing yet."""
        self._hosts, self.with_gpu = hosts, with_gpu
        self._host: RemoteHost | None = None
        self._visited: RemoteHost | None = None

    @property
    def node(self) -> str:
        """How people know the node; empty before there is one."""
        host = self._visited or self._host
        return host.node if host is not None else ""

    @property
    def visited(self) -> RemoteHost | None:
        """The host where the worker is a guest; None where it is none."""
        return self._visited

    @property
    def host(self) -> RemoteHost:
        """The slot's own host, which may not be there yet; another one than before where that was lost."""
        if self._host is None or self._host.lost:
            self._host = self._hosts.ask(with_gpu=self.with_gpu)
        return self._host

    def is_own(self) -> bool:
        """Whether there is a host of its own."""
        return self.host.is_placed()

    def launch(self, threads: int | None) -> RemoteProcess:
        """Start a process with so many threads, without waiting for it."""
        hidden = {} if self.with_gpu else _NO_GPU
        settings = json.dumps({"threads": threads, "variables": {**self._hosts.variables, **hidden}})
        return RemoteProcess(self, self._hosts, settings)

    def visit(self, host: RemoteHost | None) -> None:
        """Be a guest of a host; None for nobody's any more."""
        if self._visited is not None:
            self._visited.guests -= 1
        self._visited = host
        if host is not None:
            host.guests += 1

    def use(self, host: RemoteHost | None) -> None:
        """Have this host from now on; None for another one, which is asked for when it is needed."""
        self._host = host

    def give_up(self) -> None:
        """Give the host back to the cluster."""
        host, self._host = self._host, None
        if host is not None:
            if host.is_placed():
                with suppress(HostLostError):
                    host.call("close").result_within(_ASK_SECONDS)
            host.give_up()


class RemoteProcess:
    """A worker process that a host owns. It is its own channel: a message goes with the call that waits for the answer.

    So it must be asked in turns: one message is sent, then one is received.
    """

    def __init__(self, slot: RaySlot, hosts: Hosts, settings: str) -> None:
        """Start it where the slot has a host; else it is started when it is first needed."""
        self._slot, self._hosts, self._settings = slot, hosts, settings
        self._name = secrets.token_hex(8)
        self._host = slot.host
        self._message = b""
        self._sent = 0
        self._killed: float | None = None
        self._lost = ""
        self._is_settled = False
        self._started: Any = None
        if self._host.is_placed():
            try:
                self._started = self._start()
            except HostLostError as error:
                self._lost = str(error)

    @property
    def channel(self) -> RemoteProcess:
        """Itself."""
        return self

    def _start(self) -> Any:
        return self._host.call("start", self._name, self._settings)

    def _settle(self) -> None:
        """Wait until it is started: at its own host, or as a guest where the cluster has no room for that."""
        if self._is_settled:
            return
        if self._killed is not None:
            raise HostLostError(NOT_WANTED)
        if self._started is None:
            if not self._gets_its_own():
                self._host = self._hosts.any_placed(self._is_awaited, with_gpu=self._slot.with_gpu)
                self._slot.visit(self._host)
            self._started = self._start()
        self._started.result(self._is_wanted)
        self._is_settled = True

    def _gets_its_own(self) -> bool:
        """Whether the slot's own host is there within some seconds. The process may be ended meanwhile."""
        until = time.monotonic() + SLOT_SECONDS
        while not self._host.is_placed(min(POLL_SECONDS, SLOT_SECONDS)):
            if not self._is_awaited():
                raise HostLostError(NOT_WANTED)
            if self._host.lost or time.monotonic() > until:
                return False
        return True

    def _is_awaited(self) -> bool:
        return self._killed is None

    def _is_wanted(self) -> bool:
        return self._killed is None or time.monotonic() - self._killed < _KILL_SECONDS

    def send(self, kind: str, content: Any) -> None:
        """Keep a message for the next ``receive``."""
        self._message = pack(kind, content)
        self._sent += 1

    def receive(self) -> tuple[str, Any]:
        """Send the message and give the answer.

        Raises:
            EOFError: The process has ended, or its host is lost.
            MessageError: The answer is no message.
            ClusterLostError: There is no host left.
        """
        if self._lost:
            raise EOFError(self._lost)
        try:
            self._settle()
            both = self._host.call("exchange", self._name, str(self._sent), self._message).result(self._is_wanted)
            answer = self._keep_printed(both)
        except HostLostError as error:
            self._lost = str(error)
            raise EOFError(self._lost) from error
        if not answer:
            raise EOFError("the process has ended")
        return unpack(answer)

    def _keep_printed(self, both: bytes) -> bytes:
        """Write what was printed into the run's log, as far as the disk has room, and give the answer."""
        answer, printed = split(both)
        if printed:
            with suppress(OSError), self._hosts.log.open("ab") as log:
                log.write(printed)
        return answer

    def is_running(self) -> bool:
        """Whether it has not ended; one that was not started yet has not."""
        if self._started is None:
            return not self._host.lost
        with suppress(HostLostError):
            return bool(self._host.call("is_running", self._name).result_within(_ASK_SECONDS) == "yes")
        return False

    def has_ended(self) -> bool:
        """Its host would have to be asked: the next request finds out."""
        return False

    def memory(self) -> int:
        """Give the bytes that it holds for itself now; 0 where the host does not say."""
        if self._is_settled and not self._lost:
            with suppress(HostLostError):
                return int(self._host.call("memory", self._name).result_within(_ASK_SECONDS))
        return 0

    def kill(self) -> None:
        """End it at once."""
        if self._killed is not None:
            return
        self._killed = time.monotonic()
        if self._started is not None and not self._host.lost:
            with suppress(HostLostError):
                self._host.call("kill", self._name)

    def end(self) -> Ended:
        """Let it end, and say how it did, and where."""
        if self._host is self._slot.visited:
            self._slot.visit(None)
        where = f"on {self._host.node} " if self._host.node else ""
        if self._started is None and not self._lost:
            return Ended(f"{where}was not started")
        if not self._lost:
            try:
                ended = self._keep_printed(self._host.call("end", self._name).result_within(_END_SECONDS))
                code, last_line = json.loads(ended)
                return Ended(f"{where}ended with code {code}", code, last_line)
            except HostLostError as error:
                self._lost = str(error)
        return Ended(f"{where}was lost ({self._lost})", place_lost=self._killed is None)
