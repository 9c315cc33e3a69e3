"""Two machines on one: network namespaces that reach nothing but each other, over a wire that can be cut and be bad.

The first one is called head, the second one node. Each has an Ethernet interface, which is one end of a veth pair. The
other ends lie in a third namespace, where a program (``wire``) carries frames from one to the other. So every frame
crosses a wire whose delay and loss are set, and which is cut as a cable is: the node loses its carrier.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common.machine import ROOT

HEAD_ADDRESS, NODE_ADDRESS = "10.213.0.1", "10.213.0.2"
INTERFACE = "eth0"

_PREFIX = "tlsearch-net"
_TO_HEAD, _TO_NODE = "to-head", "to-node"
_WIRE = "benchmarks.robustness.wire"


class NoNamespacesError(Exception):
    """This machine has no network namespaces, or this process may not make any; the message is a sentence."""


@dataclass(frozen=True)
class Namespaces:
    """The names of the namespaces of one process.

    Attributes:
        prefix: How all of them begin.
    """

    prefix: str

    @property
    def head(self) -> str:
        """The first machine."""
        return f"{self.prefix}-head"

    @property
    def node(self) -> str:
        """The second one."""
        return f"{self.prefix}-node"

    @property
    def wire(self) -> str:
        """What lies between them."""
        return f"{self.prefix}-wire"

    @property
    def names(self) -> tuple[str, str, str]:
        """All of them."""
        return self.head, self.node, self.wire


@contextmanager
def namespaces() -> Iterator[Namespaces]:
    """Two machines without a way to each other; ``link`` makes one.

    At the end every process in them is killed, whoever has started it, and they are removed. What a process left that
    was killed before it could do so is removed first.

    Raises:
        NoNamespacesError: They are unavailable here.
    """
    _check()
    _remove_leftovers()
    made = Namespaces(f"{_PREFIX}-{os.getpid()}")
    try:
        try:
            _build(made)
        except subprocess.CalledProcessError as error:
            said = str(error.stderr).strip()
            raise NoNamespacesError(
                f"Network namespaces cannot be made here ({said}): run this on a machine, or in a container, where "
                "root may use `ip netns add`."
            ) from error
        yield made
    finally:
        for name in made.names:
            _remove(name)


def _check() -> None:
    if not sys.platform.startswith("linux"):
        raise NoNamespacesError("This needs the network namespaces of Linux: run it there.")
    if os.geteuid() != 0:
        raise NoNamespacesError("This makes network namespaces, which only root may do: run it as root.")
    if shutil.which("ip") is None:
        raise NoNamespacesError("This needs the command `ip`: apt-get install iproute2.")


def _build(made: Namespaces) -> None:
    for name in made.names:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
    for name, address, near in ((made.head, HEAD_ADDRESS, _TO_HEAD), (made.node, NODE_ADDRESS, _TO_NODE)):
        _ip("-n", made.wire, "link", "add", near, "type", "veth", "peer", "name", INTERFACE, "netns", name)
        _ip("-n", made.wire, "link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", INTERFACE)
        _ip("-n", name, "link", "set", INTERFACE, "up")
        _run([*within(name), sys.executable, "-m", _WIRE, INTERFACE, "--plain"])


def _remove_leftovers() -> None:
    for line in _ip("netns", "list").splitlines():
        name = line.split()[0] if line.split() else ""
        owner = name.removeprefix(f"{_PREFIX}-").partition("-")[0]
        if name.startswith(f"{_PREFIX}-") and owner.isdigit() and not psutil.pid_exists(int(owner)):
            _remove(name)


def _remove(name: str) -> None:
    """Kill what runs in a namespace until nothing does, and remove it; nothing happens where it is not there."""
    if not Path("/run/netns", name).exists():
        return
    until = time.monotonic() + 20
    while time.monotonic() < until and (running := pids_in(name)):
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    with contextlib.suppress(subprocess.CalledProcessError):
        _ip("netns", "del", name)


def pids_in(name: str) -> list[int]:
    """The processes in a namespace, but for this one."""
    return [pid for pid in map(int, _ip("netns", "pids", name).split()) if pid != os.getpid()]


def within(name: str) -> list[str]:
    """What stands before a command that shall run in a namespace."""
    return ["ip", "netns", "exec", name]


def _ip(*arguments: str) -> str:
    return _run(["ip", *arguments])


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


class Link:
    """The wire between head and node."""

    def __init__(self, between: Namespaces, wire: subprocess.Popen[bytes]) -> None:
        """Control the program ``wire``."""
        self._between, self._wire = between, wire

    def be(self, *, delay: float, loss: float) -> None:
        """Delay each frame by so many seconds from now on, in either direction, and lose so large a share of them."""
        self._ask({"delay": delay, "loss": loss})

    def counts(self) -> dict[str, int]:
        """The ``frames`` so far, their ``bytes``, and those of them that were ``lost``."""
        return {name: int(count) for name, count in self._ask({}).items()}

    def cut(self) -> None:
        """Pull the plug out of the node."""
        _ip("-n", self._between.wire, "link", "set", _TO_NODE, "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("-n", self._between.wire, "link", "set", _TO_NODE, "up")

    def _ask(self, wanted: dict[str, float]) -> dict[str, Any]:
        assert self._wire.stdin is not None
        assert self._wire.stdout is not None
        self._wire.stdin.write(json.dumps(wanted).encode() + b"\n")
        self._wire.stdin.flush()
        answer: dict[str, Any] = json.loads(self._wire.stdout.readline())
        return answer


@contextmanager
def link(between: Namespaces, seed: int) -> Iterator[Link]:
    """A wire between head and node, which is perfect at first; it ends with the block."""
    command = [*within(between.wire), sys.executable, "-m", _WIRE, _TO_HEAD, _TO_NODE, "--seed", str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as wire:
        try:
            made = Link(between, wire)
            made.counts()  # it passes frames on from now on
            yield made
        finally:
            wire.kill()
