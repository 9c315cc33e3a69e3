"""The connection to a Ray cluster that somebody else has started: found, opened, and closed at the end of a run.

tlsearch starts no cluster, so it opens no port. It is the only module that opens a connection; what a cluster is asked
for stands in ``hosts``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tlsearch.errors import UsageError

HEALTH_SECONDS = 60.0
"""How long its head node may take to say that it is well."""

ANSWER_SECONDS = 10.0
"""How long a cluster may take to accept a connection before it counts as one that does not answer."""

AUTO = "auto"
_CLIENT = "ray://"
_CLIENT_PORT = 10001


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to the cluster at ``address`` inside the block.

    Where this process is connected to a cluster already, as in a script of the user's own, that connection is used
    and left open.

    Args:
        address: ``auto``, ``HOST:PORT`` from a node of the cluster, or ``ray://HOST:PORT`` from elsewhere.

    Raises:
        UsageError: Ray is not installed, no cluster answers there, or it cannot be used from here.
    """
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    _knock(address)
    if not address.startswith(_CLIENT):
        _ask_health(address)
    # Ray takes over what a system sends to end a process; it is ours to decide about that.
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with warnings.catch_warnings():  # what they say is said in one sentence below
            warnings.simplefilter("ignore")
            ray.init(
                address=address,
                configure_logging=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                namespace="tlsearch",
            )
    except Exception as error:
        raise UsageError(_not_usable(address, error)) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    try:
        yield
    finally:
        with suppress(Exception):  # a cluster that is gone has nothing to be told
            ray.shutdown()


def _ray() -> Any:
    """The library. Raises ``UsageError`` where it is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            "--cluster needs Ray, which is not installed: `pip install 'tlsearch[ray]'` here and on every node."
        )
    # Nothing here wants a report of what Ray is used for to be sent, whoever starts the cluster decides for it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def _knock(address: str) -> None:
    """Raise ``UsageError`` where nobody answers at an address: Ray itself would try for minutes."""
    where = os.environ.get("RAY_ADDRESS", AUTO) if address == AUTO else address
    if where in ("", AUTO, "local"):
        return  # Ray knows whether there is one on this machine, and says so at once
    host, _, port = where.removeprefix(_CLIENT).rpartition(":")
    host, port = (host, port) if host else (port, str(_CLIENT_PORT))
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS):
            return
    except (OSError, ValueError) as error:
        why = "it took too long" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or error
        raise UsageError(
            f"No Ray cluster answers at {where} ({why}): see with `ray status --address HOST:PORT` on its head node "
            "that it runs, and that this machine can reach that port."
        ) from error


def _ask_health(address: str) -> None:
    """Raise ``UsageError`` unless the head node is well: what answers may not be Ray, and ``ray.init`` would never end.

    It is a command, so that it can be ended.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    if address != AUTO:
        command += ["--address", address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=HEALTH_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"What answers at {address} does not behave as the head node of a Ray cluster does, for {HEALTH_SECONDS:g} "
            "seconds: name the address that `ray start --head` has printed."
        ) from error
    if done.returncode:
        raise UsageError(_not_usable(address, ConnectionError("its head node does not say that it is well")))


def _not_usable(address: str, error: Exception) -> str:
    """What to say where Ray does not connect."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = lines[0].rstrip(".")[:300] if lines else type(error).__name__
    if address == AUTO and isinstance(error, ConnectionError):
        return (
            "No Ray cluster runs on this machine: start one with `ray start --head --node-ip-address 127.0.0.1 "
            "--disable-usage-stats`, name the address of another one with --cluster, or leave --cluster out and say "
            "--workers N."
        )
    if "ersion" in why:
        return f"The Ray cluster at {address} is of another version ({why}): install the same Ray and Python here."
    way = "name it as ray://HOST:10001" if not address.startswith(_CLIENT) else "see the log of its head node"
    return f"The Ray cluster at {address} cannot be used from this machine ({why}): {way}."
