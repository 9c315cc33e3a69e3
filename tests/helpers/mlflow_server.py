"""An MLflow server on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 500.0
"""Seconds that a server may take to answer; importing MLflow alone takes many where the machine is busy."""


@contextmanager
def mlflow_server(
    tracking_uri: str,
    log: Path,
    port: int = 0,
    *,
    python: str = sys.executable,
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The address of a server on the records at ``tracking_uri``; it and all its processes end with the block.

    Args:
        tracking_uri: The store of the server.
        log: The file for what it prints; files of runs lie beside it, unless ``options`` say otherwise.
        port: Where it answers; 0 for a free port.
        python: The interpreter of the environment with its MLflow.
        options: Further options of ``mlflow server``.
        variables: Further variables of its environment.
    """
    port = port or free_port()
    files = () if "--artifacts-destination" in options else ("--default-artifact-root", str(log.parent / "mlartifacts"))
    command = [
        python, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri, "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", *files, *options,
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TLSEARCH_"))}
    # Nothing is reported to anybody, and no process for jobs that nobody asked for.
    environment.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    # It finds the commands of its own environment, such as gunicorn.
    environment["PATH"] = f"{Path(python).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment.update(variables or {})
    with log.open("wb") as stream:
        # A session of its own, so that the workers of the server end with it.
        server = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(server, address, log)
            yield address
        finally:
            _end(server)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return
        time.sleep(0.3)
    raise RuntimeError(f"the MLflow server does not answer: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    for order in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
            if order == signal.SIGKILL:
                return
    server.wait()


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
