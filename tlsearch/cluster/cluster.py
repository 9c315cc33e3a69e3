"""The workers of a run on a Ray cluster: how many there is room for, and whether its nodes see and have what we do."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlsearch.cluster.connection import connected
from tlsearch.cluster.facts import difference
from tlsearch.cluster.host import facts_here
from tlsearch.cluster.remote_host import HostLostError, RemoteHost
from tlsearch.cluster.slot import ClusterLostError, RaySlot
from tlsearch.config_values import FEWEST_BYTES, MOST_WORKERS
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


@dataclass(frozen=True, kw_only=True)
class ClusterRequest:
    """What a run was asked for.

    Attributes:
        address: Where the cluster is.
        cpus: The processors that each worker reserves.
        gpus: The GPUs that each worker reserves; None for none.
    """

    address: str
    cpus: int = 1
    gpus: float | None = None


@dataclass(frozen=True)
class _Node:
    """What a node of the cluster has."""

    cpus: float
    gpus: float
    memory: float


class RayCluster:
    """The hosts of a run. A context manager; at its end all are given back.

    Nothing is connected before ``open``.

    Attributes:
        log: Receives what workers print.
        variables: What is set in the environment of every worker process.
    """

    def __init__(self, request: ClusterRequest, log: Path) -> None:
        """Say what is wanted of the cluster."""
        self.request, self.log = request, log
        self.variables: Mapping[str, str] = _variables(request)
        self._stack = ExitStack()
        self._hosts: list[RemoteHost] = []
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
        self._slots.append(RaySlot(self))
        return WorkerClient(self.log, self._slots[-1])

    def room(self, workers: int | None) -> int:
        """Connect, and give how many workers of this kind the cluster can have.

        Args:
            workers: How many there must be; None to take what there is.

        Raises:
            UsageError: It cannot be connected to, or has no room for so many, even if nobody else used it.
        """
        if self._ray is None:
            self._stack.enter_context(connected(self.request.address))
            import ray

            self._ray = ray
        nodes = [_Node(n.get("CPU", 0), n.get("GPU", 0), n.get("memory", 0)) for n in self._resources()]
        fits = 0
        for node in nodes:
            fits += self._fits_on(node)
        if workers is None and fits:
            return min(fits, MOST_WORKERS)
        if fits < (workers or 1):
            raise UsageError(self._too_little(workers or 1, fits, nodes))
        return workers or 1

    def _resources(self) -> list[Mapping[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node.get("Alive")]

    def _fits_on(self, node: _Node) -> int:
        """How many workers a node has room for."""
        wanted = self.request
        most = min(node.cpus // wanted.cpus, node.memory // FEWEST_BYTES)
        return int(min(most, node.gpus // wanted.gpus) if wanted.gpus else most)

    def _too_little(self, workers: int, fits: int, nodes: Sequence[_Node]) -> str:
        each = counted(self.request.cpus, "CPU")
        if self.request.gpus:
            each += f", {self.request.gpus:g} GPU"
        has = f"{sum(node.cpus for node in nodes):g} CPUs and {sum(node.gpus for node in nodes):g} GPUs"
        return (
            f"{counted(workers, 'worker')} with {each} and {FEWEST_BYTES / 1e9:g} GB each do not fit on the Ray "
            f"cluster at {self.request.address}, which has {has} on {counted(len(nodes), 'node')} and room for {fits}: "
            "ask for fewer with --workers or --cpus-per-worker, or add nodes."
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
        hosts = [slot.host for slot in self._slots[:count]]
        while not all(host.is_placed() or host.lost for host in hosts):
            enough = not all_of_them and any(host.is_placed() for host in hosts)
            if time.monotonic() - began > (AUTO_ROOM_SECONDS if enough else ROOM_SECONDS):
                break
            time.sleep(_PAUSE / 5)
        placed = [host for host in hosts if host.is_placed()]
        if (len(placed) == count) or (placed and not all_of_them):
            for host in hosts:
                if host not in placed:
                    host.give_up()
            for number, slot in enumerate(self._slots[:count]):
                slot.use(placed[number] if number < len(placed) else None)
            return len(placed)
        if broken := next((host.why for host in hosts if host.why), ""):
            raise UsageError(
                f"A node of the Ray cluster at {self.request.address} cannot run workers ({broken}): install the same "
                "packages there as here."
            )
        raise UsageError(
            f"The Ray cluster at {self.request.address} has {counted(len(placed), 'slot')} free of the {count} that "
            f"were asked for, after {ROOM_SECONDS:g} seconds: other work holds "
            "its CPUs; ask for fewer with --workers, or wait for that work to end."
        )

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

    def ask(self) -> RemoteHost:
        """Ask the cluster for one more host, without waiting for it."""
        self._hosts = [host for host in self._hosts if not host.lost]
        self._hosts.append(RemoteHost(self.request.cpus, self.request.gpus))
        return self._hosts[-1]

    def any_placed(self) -> RemoteHost:
        """Give a host that is somewhere, the one with the fewest guests.

        Raises:
            ClusterLostError: There was none for a long time.
        """
        until = time.monotonic() + NO_ROOM_SECONDS
        while True:
            placed = [host for host in list(self._hosts) if host.is_placed()]
            if placed:
                return min(placed, key=lambda host: host.guests)
            if time.monotonic() > until:
                raise ClusterLostError(
                    f"The Ray cluster at {self.request.address} has no slot left for a worker: bring its nodes back, "
                    "then go on with `tlsearch resume` and the output folder."
                )
            time.sleep(_PAUSE)


def _variables(request: ClusterRequest) -> dict[str, str]:
    """What decides what a worker computes. A slot that has reserved no GPU uses none."""
    found = {name: value for name, value in os.environ.items() if name.startswith(_TRAVELS)}
    return found if request.gpus else {**found, "CUDA_VISIBLE_DEVICES": "-1"}
