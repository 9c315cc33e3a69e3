"""What runs on a node of the cluster: an actor that owns worker processes and passes their messages on.

Its methods take and give bytes and texts only, in our own encoding. So nothing that a worker or the store has written
is unpickled, here or at the parent. The parent makes an actor of ``Host``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading
from importlib import metadata
from pathlib import Path

from tlsearch.cluster.facts import HostFacts
from tlsearch.plugins.registry import find_plugins
from tlsearch.utils.serialize import MESSAGE
from tlsearch.worker.process import LocalProcess

MOST_PRINTED = 1_000_000
"""Bytes that are passed on at once of what a worker has printed; of more, the end."""

MOST_ENDED = 16
"""Processes that have ended and are remembered, for a call that comes again."""

_LENGTH = struct.Struct(">Q")


class Host:
    """Owns the worker processes of one slot in the cluster, mostly one. They end with the process of the actor.

    Several methods may run at once, in threads of their own: a process is killed while its reply is waited for.
    """

    def __init__(self) -> None:
        """Begin without a process."""
        self._folder = Path(tempfile.mkdtemp(prefix="tlsearch-host-"))
        self._lock = threading.Lock()
        self._processes: dict[str, _Owned] = {}
        self._killed: set[str] = set()  # those that are not to be started any more
        self._ended: dict[str, _Owned] = {}

    def describe(self) -> str:
        """Give the facts of this slot as JSON."""
        import ray

        return json.dumps(MESSAGE.encode(facts_here(ray.get_runtime_context().get_node_id())))

    def sees(self, file: str, content: bytes) -> str:
        """Say "yes" where a file is visible here with this content, else "no"."""
        try:
            return "yes" if Path(file).read_bytes() == content else "no"
        except OSError:
            return "no"

    def start(self, name: str, settings: str) -> str:
        """Start a process under a name that no other one has.

        Args:
            name: The name.
            settings: JSON: the threads, and the variables of its environment.

        Returns:
            An empty text.
        """
        with self._lock:
            if name not in self._killed and name not in self._processes:
                self._processes[name] = _Owned(self._folder / f"{name}.log", settings)
        return ""

    def exchange(self, name: str, number: str, message: bytes) -> bytes:
        """Pass a message on to a process and give what it answers.

        A message that comes again, because its answer was lost on the way, is not passed on again: the answer is waited
        for, or given, once more.

        Args:
            name: The process.
            number: Another one for each message to it.
            message: The message.

        Returns:
            The answer, empty where the process has ended, with what was printed since the last time (``split``).
        """
        owned = self._processes.get(name)
        return joined(b"", b"") if owned is None else owned.exchange(number, message)

    def is_running(self, name: str) -> str:
        """Say "yes" where a process has not ended, else "no"."""
        owned = self._processes.get(name)
        return "yes" if owned is not None and owned.process.is_running() else "no"

    def memory(self, name: str) -> str:
        """Give the bytes that a process holds for itself, as a number."""
        owned = self._processes.get(name)
        return "0" if owned is None else str(owned.process.memory())

    def kill(self, name: str) -> str:
        """End a process at once; one that has not started yet will not. Gives an empty text."""
        with self._lock:
            self._killed.add(name)
            owned = self._processes.get(name)
        if owned is not None:
            owned.process.kill()
        return ""

    def end(self, name: str) -> bytes:
        """Wait for a process to end. One that has ended, or was never there, is not started any more.

        Where the call comes again, because its answer was lost on the way, the answer is given once more.

        Returns:
            JSON: its exit code, null where there was none, and the last line that it printed. With it what was printed
            since the last time (``split``).
        """
        with self._lock:
            self._killed.add(name)
            owned = self._processes.get(name) or self._ended.get(name)
        if owned is None:
            return joined(b'[null, ""]', b"")
        answer = owned.end()
        with self._lock:
            if self._processes.pop(name, None) is not None:
                self._ended[name] = owned
                for old in list(self._ended)[:-MOST_ENDED]:
                    del self._ended[old]
        return answer

    def close(self) -> str:
        """End all processes and remove the folder of their logs. Gives an empty text."""
        with self._lock:
            self._killed.update(self._processes)
            owned, self._processes = list(self._processes.values()), {}
        for each in owned:
            each.process.kill()
            each.end()
        shutil.rmtree(self._folder, ignore_errors=True)
        return ""


class _Owned:
    """A worker process, and how far its log was read."""

    def __init__(self, log: Path, settings: str) -> None:
        wanted = json.loads(settings)
        self.log = log
        self._read = 0
        self._turn, self._ending = threading.Lock(), threading.Lock()
        self._end: bytes | None = None
        self._last = ("", b"")  # the number of the last message, and what was given for it
        self.process = LocalProcess(log, wanted["threads"], wanted["variables"])

    def exchange(self, number: str, message: bytes) -> bytes:
        with self._turn:
            if number != self._last[0]:
                self._last = number, joined(self._answer(message), self.printed())
            return self._last[1]

    def end(self) -> bytes:
        """What ``Host.end`` gives; the same each time."""
        with self._ending:
            if self._end is None:
                ended = self.process.end()
                self._end = joined(json.dumps([ended.code, ended.last_line]).encode("ascii"), self.printed())
                self.log.unlink(missing_ok=True)
            return self._end

    def _answer(self, message: bytes) -> bytes:
        try:
            self.process.channel.send_packed(message)
            return self.process.channel.receive_packed()
        except (EOFError, OSError, ValueError):  # the process has ended, or its pipes are closed
            return b""

    def printed(self) -> bytes:
        try:
            with self.log.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(self._read, size - MOST_PRINTED))
                text = stream.read()
        except OSError:
            return b""
        self._read = size
        return text


def joined(answer: bytes, printed: bytes) -> bytes:
    """An answer and what was printed, as one."""
    return _LENGTH.pack(len(answer)) + answer + printed


def split(both: bytes) -> tuple[bytes, bytes]:
    """Give an answer and what was printed, which ``joined`` has put together."""
    (length,) = _LENGTH.unpack_from(both)
    return both[_LENGTH.size : _LENGTH.size + length], both[_LENGTH.size + length :]


def facts_here(node_id: str = "") -> HostFacts:
    """The facts of this process and the packages that it finds; ``node_id`` is how Ray knows its node."""
    return HostFacts(
        node=socket.gethostname(),
        node_id=node_id,
        python=".".join(map(str, sys.version_info[:2])),
        tlsearch=metadata.version("tlsearch"),
        keras=metadata.version("keras"),
        plugins=tuple(f"{e.kind} {e.name} ({e.distribution} {e.version})" for e in find_plugins(switched_off=True)),
    )
