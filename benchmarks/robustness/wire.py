"""The wire between two network interfaces: every frame that comes in at one goes out at the other, late or not at all.

    python -m benchmarks.robustness.wire LEFT RIGHT --seed 0
    python -m benchmarks.robustness.wire INTERFACE --plain

The first form passes frames on until its input ends. A line of input is JSON with ``delay``, the seconds that a frame
is on its way, and ``loss``, the share of frames that never arrive; the answer is a line with the counts so far. Linux
itself has a queueing discipline for this, netem, which not every kernel was built with.

The second form makes an interface send what a cable carries: whole frames with checksums of their own. Left alone, the
two ends of a veth pair hand over packets of up to 64 KB whose checksums nobody has computed, and a lost one would stand
for dozens.
"""

from __future__ import annotations

import argparse
import array
import fcntl
import json
import random
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO

BUFFER_BYTES = 8 << 20
"""What may wait at an interface while this program does not run."""

FRAMES_AT_ONCE = 64
"""Frames that are taken from one side before the other has its turn."""

_LONGEST = 1 << 16
_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL of linux/if_ether.h
_ETHTOOL = 0x8946  # SIOCETHTOOL of linux/sockios.h
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
"""ETHTOOL_STXCSUM, STSO, SGSO and SGRO of linux/ethtool.h: what an interface leaves to hardware that is not there."""


class Wire:
    """Passes frames on between two sides, each in the order in which they came.

    Attributes:
        delay: The seconds that a frame is on its way.
        loss: The share of frames that do not arrive, drawn for each frame on its own.
        frames: The frames that came in so far, both ways.
        bytes: What they held.
        lost: Those of them that were left out.
    """

    def __init__(self, left: socket.socket, right: socket.socket, seed: int) -> None:
        """Join two sockets that give and take one frame at a time."""
        self.delay, self.loss = 0.0, 0.0
        self.frames = self.bytes = self.lost = 0
        self._chance = random.Random(seed)
        self._sides = (left, right)
        self._on_the_way: dict[socket.socket, deque[tuple[float, bytes]]] = {left: deque(), right: deque()}
        for side in self._sides:
            side.setblocking(False)

    def run(self, commands: BinaryIO, answers: BinaryIO) -> None:
        """Pass frames on and obey, until ``commands`` ends."""
        left, right = self._sides
        with selectors.DefaultSelector() as ready:
            ready.register(left, selectors.EVENT_READ, right)
            ready.register(right, selectors.EVENT_READ, left)
            ready.register(commands, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select(self._pause()):
                    if isinstance(key.fileobj, socket.socket):
                        self._take(key.fileobj, key.data)
                        continue
                    line = commands.readline()
                    if not line:
                        return
                    self._obey(json.loads(line))
                    answers.write(json.dumps(self.counts()).encode() + b"\n")
                    answers.flush()
                self._pass_on()

    def counts(self) -> dict[str, int]:
        """The frames so far."""
        return {"frames": self.frames, "bytes": self.bytes, "lost": self.lost}

    def _obey(self, wanted: dict[str, float]) -> None:
        self.delay, self.loss = wanted.get("delay", self.delay), wanted.get("loss", self.loss)

    def _take(self, side: socket.socket, other: socket.socket) -> None:
        for _ in range(FRAMES_AT_ONCE):
            try:
                frame, address = side.recvfrom(_LONGEST)
            except OSError:  # there are no more, or the interface is down
                return
            if isinstance(address, tuple) and address[2] == socket.PACKET_OUTGOING:
                continue  # what this machine itself has sent there
            self.frames, self.bytes = self.frames + 1, self.bytes + len(frame)
            if self._chance.random() < self.loss:
                self.lost += 1
                continue
            self._on_the_way[other].append((time.monotonic() + self.delay, frame))

    def _pass_on(self) -> None:
        now = time.monotonic()
        for side, waiting in self._on_the_way.items():
            while waiting and waiting[0][0] <= now:
                try:
                    side.send(waiting.popleft()[1])
                except OSError:  # the interface is down, or its queue is full: a cable loses such frames, too
                    self.lost += 1

    def _pause(self) -> float | None:
        """The seconds until the next frame is due; None where none is on its way."""
        due = [waiting[0][0] for waiting in self._on_the_way.values() if waiting]
        return max(0.0, min(due) - time.monotonic()) if due else None


def make_plain(interface: str) -> None:
    """Have an interface send frames as a cable carries them.

    Raises:
        OSError: There is no such interface, or this process has no right to change it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for offload in _OFFLOADS:
            value = array.array("I", [offload, 0])
            address, _ = value.buffer_info()
            fcntl.ioctl(any_socket, _ETHTOOL, struct.pack("16sP", interface.encode(), address))


def open_interface(name: str) -> socket.socket:
    """A socket that gets every frame that comes to an interface, and sends frames from there."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    opened.bind((name, 0))
    return opened


def main(arguments: Sequence[str] | None = None) -> int:
    """Pass frames on until the input ends, or make an interface plain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interfaces", nargs="+", metavar="INTERFACE")
    parser.add_argument("--plain", action="store_true", help="make the interfaces send plain frames, then end")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.plain:
        for name in options.interfaces:
            make_plain(name)
        return 0
    left, right = (open_interface(name) for name in options.interfaces)
    Wire(left, right, options.seed).run(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
