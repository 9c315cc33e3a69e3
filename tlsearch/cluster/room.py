"""How many workers a cluster has room for, and how many of them have a GPU: counting over its nodes, without Ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlsearch.config_values import FEWEST_BYTES, MOST_WORKERS


@dataclass(frozen=True, kw_only=True)
class ClusterRequest:
    """What a run was asked for.

    Attributes:
        address: Where the cluster is.
        cpus: The processors that each worker reserves.
        gpus: The GPUs that each worker with a GPU reserves; None where no worker has one.
    """

    address: str
    cpus: int = 1
    gpus: float | None = None


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a node of the cluster has: processors, GPUs, and bytes of memory; ``node_id`` is how Ray knows it."""

    node_id: str
    cpus: float = 0
    gpus: float = 0
    memory: float = 0

    def has_gpu_for(self, request: ClusterRequest) -> bool:
        """Whether it has the GPUs of a worker. One that has too few counts as a node without."""
        return bool(request.gpus) and self.gpus >= (request.gpus or 0)


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A number of workers, or the room for them, by what they reserve.

    Attributes:
        with_gpu: Those that reserve GPUs.
        without: Those that reserve none.
    """

    with_gpu: int = 0
    without: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.with_gpu + self.without

    @property
    def solvers(self) -> int:
        """How many get only what is solved: where there are both kinds, those without a GPU."""
        return self.without if self.with_gpu else 0


def room_on(nodes: Sequence[Node], request: ClusterRequest) -> Slots:
    """Give the room that the nodes have, if nobody else used them.

    A worker without a GPU has no room on a node that has GPUs for others: it would take their processors.
    """
    with_gpu = without = 0
    for node in nodes:
        fits = min(node.cpus // request.cpus, node.memory // FEWEST_BYTES)
        if request.gpus and node.has_gpu_for(request):
            # A tenth of a GPU fits into one ten times, although 1.0 // 0.1 is 9.
            with_gpu += int(min(fits, (node.gpus + 1e-9) // request.gpus))
        else:
            without += int(fits)
    return Slots(with_gpu=with_gpu, without=without)


def divided(room: Slots, request: ClusterRequest, workers: int | None, *, apart: bool | None) -> Slots | None:
    """Divide workers among the two kinds of slots.

    With a number of workers they get GPUs as far as there are any, and the others have none. Without one, all GPUs are
    used, and no more workers without a GPU than with one: a run trains longer than it solves, and its rounds grow with
    every worker.

    Args:
        room: What there is.
        request: What is reserved; where that is no GPU, all workers are without.
        workers: How many there must be; None for as many as are of use.
        apart: Whether what is solved must have workers of its own (True) or must not (False); None for where it can.

    Returns:
        How many workers there are of either kind; None where there is no room for so many.
    """
    if not request.gpus:
        wanted = min(room.without, MOST_WORKERS) if workers is None else workers
        fits = not apart and 1 <= wanted <= room.without
        return Slots(without=wanted) if fits else None
    most = (MOST_WORKERS if workers is None else workers) - bool(apart)
    with_gpu = min(room.with_gpu, most)
    without = 0 if apart is False else min(room.without, most + bool(apart) - with_gpu)
    if workers is None:
        without = min(without, with_gpu)
    enough = with_gpu >= 1 and with_gpu + without >= (workers or 1) and (without >= 1 or not apart)
    return Slots(with_gpu=with_gpu, without=without) if enough else None
