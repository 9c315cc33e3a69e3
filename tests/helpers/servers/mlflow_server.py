"""An MLflow server on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common.servers import free_port, running

PATIENCE = 500.0
"""Seconds that a server may take to answer; importing MLflow alone takes many where the machine is busy."""

__all__ = ["free_port", "mlflow_server"]


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
    address = f"http://127.0.0.1:{port}"
    with running(command, environment, log, f"{address}/health", PATIENCE):
        yield address
