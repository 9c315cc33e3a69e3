"""The workers of a run on a Ray cluster: how many there is room for, and whether its nodes see and have what we do."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from tlsearch.cluster.connection import connected
from tlsearch.cluster.facts import difference
from tlsearch.cluster.host import facts_here
from tlsearch.cluster.remote_host import HostLostError, RemoteHost
from tlsearch.cluster.room import ClusterRequest, Node, Slots, divided, room_on
from tlsearch.cluster.slot import NOT_WANTED, ClusterLostError, RaySlot
from tlsearch.config_values import FEWEST_BYTES
from tlsearch.errors import UsageError
from tlsearch.utils.units import counted
from tlsearch.worker.client import WorkerClient

ROOM_SECONDS = 60.0
"""How long a run waits for the slots that it was asked to have, which other work may hold."""

AUTO_ROOM_SECONDS = 30.0
"""How long it waits where it takes what there is, and there is a slot already."""

NO_ROOM_SECONDS = 120.0
"""How long a run that has lost all of its slots waits for one before it is interrupted."""

_TRAVELS = ("TLSEARCH_", "KERAS_", "TF_", "XLA_")
"""Variables that change what a worker computes begin with these; a node has its own otherwise."""

_PROBE_SECONDS = 30.0
_PAUSE = 0.5


class RayCluster:
    """The hosts of a run. A context manager; at its end all are given back.

    Nothing is connected before ``open``.

    Attributes:
        request: What is wanted of the cluster.
        log: Receives what workers print.
        variables: What is set in the environment of every worker process.
        slots: How many of the workers, the first ones, have a GPU, and how many have none.
    """

    def __init__(self, request: ClusterRequest, log: Path) -> None:
        """Say what is wanted of the cluster."""
        self.request, self.log = request, log
        self.variables: Mapping[str, str] = _variables()
        self.slots = Slots(with_gpu=1) if request.gpus else Slots(without=1)
        self._needs_both = False
        self._gpu_nodes: frozenset[str] = frozenset()
        self._stack = ExitStack()
        self._hosts: list[RemoteHost] = []
        self._changing = Lock()
        self._slots: list[RaySlot] = []
        self._ray: Any = None

    def __enter__(self) -> RayCluster:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give all slots back, and close the connection."""
        for slot in self._slots:
            slot.give_up()
        self._stack.close()

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._ray is not None

    def worker(self) -> WorkerClient:
        """A worker with a slot of its own; the cluster is asked for it when it is first needed."""
        self._slots.append(RaySlot(self, with_gpu=len(self._slots) < self.slots.with_gpu))
        return WorkerClient(self.log, self._slots[-1])

    def room(self, workers: int | None, *, apart: bool | None = None) -> int:
        """Connect, decide which workers have a GPU, and give how many there can be.

        Args:
            workers: How many there must be; None to take what there is.
            apart: Whether what is solved must have workers of its own, without a GPU (True), or must not (False); None
                for where the cluster has room for both kinds. See ``divided``.

        Raises:
            UsageError: It cannot be connected to, or has no room for so many, even if nobody else used it.
        """
        if self._ray is None:
            self._stack.enter_context(connected(self.request.address))
            import ray

            self._ray = ray
        nodes = self._nodes()
        room = room_on(nodes, self.request)
        slots = divided(room, self.request, workers, apart=apart)
        if slots is None:
            raise UsageError(self._too_little(workers, room, nodes, apart=apart))
        self.slots, self._needs_both = slots, bool(apart)
        self._divide(self._slots)
        return slots.count

    def _divide(self, slots: Sequence[RaySlot]) -> None:
        for number, slot in enumerate(slots):
            slot.with_gpu = number < self.slots.with_gpu

    def _nodes(self) -> list[Node]:
        """The nodes that are there now."""
        found = []
        for node in self._ray.nodes():
            if node.get("Alive"):
                has = node["Resources"]
                numbers = {"cpus": has.get("CPU", 0), "gpus": has.get("GPU", 0), "memory": has.get("memory", 0)}
                found.append(Node(node_id=node["NodeID"], **numbers))
        return found

    def _too_little(self, workers: int | None, room: Slots, nodes: Sequence[Node], *, apart: bool | None) -> str:
        wanted, cpus = self.request, counted(self.request.cpus, "CPU")
        has = f"{sum(node.cpus for node in nodes):g} CPUs and {sum(node.gpus for node in nodes):g} GPUs"
        if apart and (workers == 1 or not (room.with_gpu and room.without)):
            fits = f"room for {room.with_gpu} with a GPU and {room.without} without one"
            cure = "ask for at least two workers (--workers, --round-size, --memory)"
            if not (room.with_gpu and room.without):
                cure = "add the nodes that it lacks, and ask for GPUs with --gpus-per-worker"
            return (
                f"The run fits heads on workers without a GPU and does all else on workers with one, so it needs a "
                f"worker of either kind, and the Ray cluster at {wanted.address} has {fits}: {cure}."
            )
        each = f"{cpus} and" if not wanted.gpus else f"{cpus}, {wanted.gpus:g} GPU and"
        fits = f"{room.with_gpu} and, without a GPU, for {room.without}" if wanted.gpus else f"{room.without}"
        if wanted.gpus and apart is False:
            fits = f"{room.with_gpu} (the run has no workers without a GPU)"
        cure = "ask for fewer with --workers or --cpus-per-worker, or add nodes"
        if wanted.gpus and not room.with_gpu:
            cure = "leave --gpus-per-worker out, or add nodes with a GPU"
        return (
            f"{counted(workers or 1, 'worker')} with {each} {FEWEST_BYTES / 1e9:g} GB each do not fit on the Ray "
            f"cluster at {wanted.address}, which has {has} on {counted(len(nodes), 'node')} and room for {fits}: "
            f"{cure}."
        )

    def take(self, count: int, *, all_of_them: bool) -> int:
        """Wait for the slots of the first ``count`` workers; gives how many of them have one, which are the first.

        Args:
            count: The number of workers.
            all_of_them: Whether there must be so many; else those that others have left free are enough.

        Raises:
            UsageError: Other work holds what was asked for.
        """
        began = time.monotonic()
        slots = self._slots[:count]
        hosts = [slot.host for slot in slots]
        while not all(host.is_placed() or host.lost for host in hosts):
            enough = not all_of_them and self._suffice(hosts)
            if time.monotonic() - began > (AUTO_ROOM_SECONDS if enough else ROOM_SECONDS):
                break
            time.sleep(_PAUSE / 5)
        placed = sorted((host for host in hosts if host.is_placed()), key=lambda host: not host.with_gpu)
        if len(placed) == count or (not all_of_them and self._suffice(placed)):
            for host in hosts:
                if host not in placed:
                    host.give_up()
            with_gpu = sum(host.with_gpu for host in placed)
            self.slots = Slots(with_gpu=with_gpu, without=len(placed) - with_gpu)
            self._divide(slots)
            for number, slot in enumerate(slots):
                slot.use(placed[number] if number < len(placed) else None)
            return len(placed)
        if broken := next((host.why for host in hosts if host.why), ""):
            raise UsageError(
                f"A node of the Ray cluster at {self.request.address} cannot run workers ({broken}): install the same "
                "packages there as here."
            )
        kinds, what = "", "CPUs"
        if self.request.gpus:
            kinds, what = f" ({sum(host.with_gpu for host in placed)} of them with a GPU)", "CPUs or GPUs"
        raise UsageError(
            f"The Ray cluster at {self.request.address} has {counted(len(placed), 'slot')} free{kinds} of the {count} "
            f"that were asked for, after {ROOM_SECONDS:g} seconds: other work holds "
            f"its {what}; ask for fewer with --workers, or wait for that work to end."
        )

    def _suffice(self, hosts: Sequence[RemoteHost]) -> bool:
        """Whether a run can begin with those of the hosts that are placed."""
        placed = [host for host in hosts if host.is_placed()]
        kinds = {host.with_gpu for host in placed}
        return bool(placed) and (not self.request.gpus or True in kinds) and (not self._needs_both or False in kinds)

    def check(self, folders: Mapping[str, Path]) -> None:
        """Find out before any work whether every slot has what this machine has, and sees its folders.

        Args:
            folders: What workers read and write, by the option that names it.

        Raises:
            UsageError: One does not; the sentence names the node.
        """
        here = facts_here()
        placed = [host for host in self._hosts if host.is_placed()]
        for host in placed:
            if found := difference(here, host.facts):
                raise UsageError(
                    f"The node {host.node} of the Ray cluster would not give the same results, for {found}: install "
                    "the same packages on every node."
                )
        for option, folder in folders.items():
            token = folder / f".tlsearch-seen-{secrets.token_hex(8)}"
            content = secrets.token_bytes(16)
            folder.mkdir(parents=True, exist_ok=True)
            token.write_bytes(content)
            try:
                self._check_seen(placed, option, folder, (str(token), content))
            finally:
                with suppress(OSError):
                    token.unlink()

    def _check_seen(self, hosts: Sequence[RemoteHost], option: str, folder: Path, token: tuple[str, bytes]) -> None:
        calls = []
        for host in hosts:
            with suppress(HostLostError):
                calls.append((host, host.call("sees", *token)))
        for host, call in calls:
            try:
                seen = call.result_within(_PROBE_SECONDS) == "yes"
            except HostLostError as error:
                if host.lost:  # as at any later moment: its worker gets another slot
                    continue
                raise UsageError(
                    f"The node {host.node} of the Ray cluster does not answer ({error}): run again without it."
                ) from error
            if not seen:
                raise UsageError(
                    f"The node {host.node} of the Ray cluster does not see the folder {folder}: name one with {option} "
                    "that every node has under the same path, such as a shared disk."
                )

    def nodes(self) -> int:
        """The number of machines on which there are slots now."""
        return len({host.facts.node_id for host in self._hosts if host.is_placed()})

    def ask(self, *, with_gpu: bool) -> RemoteHost:
        """Ask the cluster for one more host, without waiting for it."""
        gpus = self.request.gpus if with_gpu else None
        host = RemoteHost(self.request.cpus, gpus, elsewhere=() if with_gpu else self._nodes_for_others())
        with self._changing:  # workers that lose their slots at one moment ask in threads of their own
            self._hosts = [*(known for known in self._hosts if not known.lost), host]
        return host

    def _nodes_for_others(self) -> frozenset[str]:
        """The nodes where a worker without a GPU would take the processors of those with one."""
        if self.request.gpus:
            with suppress(Exception):  # a cluster that does not answer now is asked for a host all the same
                self._gpu_nodes = frozenset(n.node_id for n in self._nodes() if n.has_gpu_for(self.request))
        return self._gpu_nodes

    def any_placed(self, is_wanted: Callable[[], bool], *, with_gpu: bool) -> RemoteHost:
        """Give a host of a kind that is somewhere, the one with the fewest guests.

        Args:
            is_wanted: Says whether it is still waited for.
            with_gpu: The kind.

        Raises:
            ClusterLostError: There was none for a long time.
            HostLostError: Nobody waits for it any more.
        """
        until = time.monotonic() + NO_ROOM_SECONDS
        while True:
            placed = [host for host in list(self._hosts) if host.with_gpu == with_gpu and host.is_placed()]
            if placed:
                return min(placed, key=lambda host: host.guests)
            if not is_wanted():
                raise HostLostError(NOT_WANTED)
            if time.monotonic() > until:
                kind = "" if not self.request.gpus else " with a GPU" if with_gpu else " without a GPU"
                raise ClusterLostError(
                    f"The Ray cluster at {self.request.address} has no slot left for a worker{kind}: bring its nodes "
                    "back, then go on with `tlsearch resume` and the output folder."
                )
            time.sleep(_PAUSE)


def _variables() -> dict[str, str]:
    """What decides what a worker computes."""
    return {name: value for name, value in os.environ.items() if name.startswith(_TRAVELS)}
