"""A Ray cluster on this machine whose nodes come and go: a head that computes nothing, and nodes of one processor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

NODE: Mapping[str, Any] = {"num_cpus": 1, "object_store_memory": 78_643_200}
"""What a node has. Ray takes 30 % of the memory for its object store unless it is told; this is the least."""


class Nodes:
    """A cluster whose head computes nothing."""

    def __init__(self) -> None:
        """Start the head."""
        from ray.cluster_utils import Cluster

        head = {**NODE, "num_cpus": 0, "include_dashboard": False}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.nodes: list[Any] = []
        self.with_gpu: list[Any] = []

    @property
    def address(self) -> str:
        """Where the head is, as HOST:PORT."""
        return str(self.cluster.address)

    def have(self, count: int, gpus: int = 0) -> None:
        """Have so many nodes of one processor, and ``gpus`` more that say that they have a GPU, too."""
        for nodes, wanted, more in ((self.nodes, count, {}), (self.with_gpu, gpus, {"num_gpus": 1})):
            while len(nodes) < wanted:
                nodes.append(self.cluster.add_node(**NODE, **more))
            while len(nodes) > wanted:
                self.cluster.remove_node(nodes.pop(), allow_graceful=True)

    def take_away(self, place: int = 0, *, gpu: bool = False) -> None:
        """Kill the node at a place in ``nodes``, or in ``with_gpu``, with all that runs there."""
        nodes = self.with_gpu if gpu else self.nodes
        self.cluster.remove_node(nodes.pop(place), allow_graceful=False)


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """Nodes that are gone after the block."""
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.cluster.shutdown()
