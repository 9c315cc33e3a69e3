"""The parent's side of a ``Host``: calls that can be waited for, and a host that may be gone at any moment."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection
from typing import Any

from tlsearch.cluster.facts import HostFacts
from tlsearch.cluster.host import Host
from tlsearch.config_values import FEWEST_BYTES
from tlsearch.utils.serialize import MESSAGE

CALLS_AT_ONCE = 16
"""Methods of a host that may run at once: a few processes, each of which may be waited for and killed."""

_NODE_LABEL = "ray.io/node-id"
"""The label that Ray gives to every node, with its id."""

POLL_SECONDS = 0.5
_RAISED = re.compile(r"[A-Za-z_.]*(Error|Exception): ")


class HostLostError(Exception):
    """A host does not answer any more: its node, its actor or the way to it is gone."""


class RemoteHost:
    """An actor of ``Host`` that was asked for. It is somewhere once the cluster has room for it.

    Attributes:
        ray: The library.
        lost: Whether it does not answer any more.
        why: What Ray said where it could not be placed.
        guests: The processes there that belong to other slots, which were lost.
        with_gpu: Whether it has a GPU.
    """

    def __init__(self, cpus: float, gpus: float | None, elsewhere: Collection[str] = ()) -> None:
        """Ask the cluster for a host, without waiting for it.

        Args:
            cpus: The processors that it reserves.
            gpus: The GPUs that it reserves; None for none.
            elsewhere: The nodes on which it must not be, as Ray knows them.
        """
        import ray

        self.ray: Any = ray
        # Ray repeats nothing and restarts nothing: what is done about a loss is ours to decide.
        actor = ray.remote(Host).options(
            num_cpus=cpus,
            num_gpus=gpus or 0,
            memory=FEWEST_BYTES,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=CALLS_AT_ONCE,
            scheduling_strategy="SPREAD",
            label_selector={_NODE_LABEL: f"!in({','.join(sorted(elsewhere))})"} if elsewhere else None,
        )
        self._actor: Any = actor.remote()
        self._facts: HostFacts | None = None
        self._described = self._actor.describe.remote()
        self.lost, self.why = False, ""
        self.guests, self.with_gpu = 0, gpus is not None

    def is_placed(self, seconds: float = 0.0) -> bool:
        """Whether it runs somewhere, after waiting for that for at most so many seconds."""
        if self.lost:
            return False
        if self._facts is None:
            try:
                ready, _ = self.ray.wait([self._described], timeout=seconds)
                if ready:
                    self._facts = MESSAGE.decode(HostFacts, json.loads(self.ray.get(self._described)))
            except Exception as error:
                self.lost, self.why = True, reason(error)
        return self._facts is not None and not self.lost

    @property
    def facts(self) -> HostFacts:
        """What is installed there. Raises ``HostLostError`` where it is not placed."""
        if self._facts is None:
            raise HostLostError("the slot is not there yet")
        return self._facts

    @property
    def node(self) -> str:
        """How people know its node; empty where it is not known yet."""
        return self._facts.node if self._facts is not None else ""

    def call(self, method: str, *arguments: str | bytes) -> Call:
        """Call a method, which takes and gives texts and bytes, without waiting for it.

        Where the way to the host is gone for a moment, the call is made again: calling a method twice with the same
        arguments must do no more than calling it once.

        Raises:
            HostLostError: It cannot be called any more.
        """
        return Call(self, lambda: getattr(self._actor, method).remote(*arguments))

    def give_up(self) -> None:
        """End the actor, or ask for it no longer."""
        self.lost = True
        try:
            self.ray.kill(self._actor, no_restart=True)
        except Exception:  # one that is gone already, with its node or the whole cluster
            return


class Call:
    """A call of a method of a host that may not be over yet."""

    def __init__(self, host: RemoteHost, make: Callable[[], Any]) -> None:
        """Make a call of ``host``; ``make`` does, and gives what Ray knows its result by.

        Raises:
            HostLostError: It cannot be made.
        """
        self._host, self._make = host, make
        self._reference = self._made()

    def _made(self) -> Any:
        try:
            return self._make()
        except Exception as error:
            raise self._lost(error) from error

    def is_over(self, seconds: float = 0.0) -> bool:
        """Whether it is over, after waiting for that for at most so many seconds.

        Raises:
            HostLostError: There will be no result.
        """
        try:
            ready, _ = self._host.ray.wait([self._reference], timeout=seconds)
        except Exception as error:
            raise self._lost(error) from error
        return bool(ready)

    def result(self, still_wanted: Callable[[], bool] = lambda: True) -> Any:
        """Wait for the result, a text or bytes, for as long as it is wanted.

        Raises:
            HostLostError: There will be none, or it is not wanted any more.
        """
        while True:
            while not self.is_over(POLL_SECONDS):
                if not still_wanted():
                    raise HostLostError("nobody waits for it any more")
            try:
                return self._host.ray.get(self._reference)
            except self._host.ray.exceptions.ActorUnavailableError as error:
                # The way there is gone, and the host may not be: Ray says so of a dead one in another way, later.
                if not still_wanted():
                    raise HostLostError(reason(error)) from error
            except Exception as error:
                raise self._lost(error) from error
            time.sleep(POLL_SECONDS)
            self._reference = self._made()

    def result_within(self, seconds: float) -> Any:
        """Wait for the result for at most so many seconds. Raises ``HostLostError`` where it does not come."""
        until = time.monotonic() + seconds
        return self.result(lambda: time.monotonic() < until)

    def _lost(self, error: Exception) -> HostLostError:
        """Whatever Ray raises: the actor died, its node did, or the connection to the cluster is gone."""
        self._host.give_up()
        return HostLostError(reason(error))


def reason(error: Exception) -> str:
    """The line of what Ray raised that tells people most: the exception on the node, or the first one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line)]
    return (raised or lines or [type(error).__name__])[-1 if raised else 0].rstrip(".:")[:300]
