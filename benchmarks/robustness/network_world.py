"""The servers and the Ray cluster of ``network``, on two machines that reach nothing but each other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.common.servers import running
from benchmarks.robustness.namespaces import HEAD_ADDRESS, NODE_ADDRESS, Namespaces, within
from tests.helpers.servers.mlflow_server import mlflow_server
from tests.helpers.servers.postgres import PASSWORD, USER, postgres

FEATURES_BUCKET, RECORDS_BUCKET = "features", "records"

RAY_ADDRESS = f"{HEAD_ADDRESS}:6379"

HEALTH_CHECKS = "RAY_health_check_failure_threshold"
"""Ray's variable for the number of health checks without an answer that make a node a lost one."""

START_SECONDS = 240.0
"""Seconds that a part of the cluster may take to start."""

_S3_PORT = 5000
_OBJECT_STORE = 78_643_200  # the smallest that Ray allows: a run puts nothing there


class StartError(Exception):
    """A part of the cluster does not start; the message has the end of what it printed."""


@dataclass(frozen=True)
class Servers:
    """The servers of a run.

    Attributes:
        study: The address of an empty database, for SQLAlchemy.
        tracking: The address of the MLflow server.
        bucket: A client of S3.
    """

    study: str
    tracking: str
    bucket: Any


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    """PostgreSQL, S3, and an MLflow server on both; they end with the block.

    The environment of this process, and of all that it starts from now on, leads to S3.
    """
    import boto3

    endpoint = f"http://{HEAD_ADDRESS}:{_S3_PORT}"
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "MLFLOW_S3_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    moto = [sys.executable, "-m", "moto.server", "-H", HEAD_ADDRESS, "-p", str(_S3_PORT)]
    with ExitStack() as stack:
        stack.enter_context(running(moto, os.environ, home / "s3.log", f"{endpoint}/moto-api/data.json"))
        bucket = boto3.client("s3")
        for name in (FEATURES_BUCKET, RECORDS_BUCKET):
            bucket.create_bucket(Bucket=name)
        database = f"postgresql+psycopg2://{USER}:{quote(PASSWORD, safe='')}@{stack.enter_context(postgres())}"
        study = _with_database(database, "study")  # MLflow and Optuna each want a database of their own
        options = ("--artifacts-destination", f"s3://{RECORDS_BUCKET}")
        variables = {"MLFLOW_S3_ENDPOINT_URL": endpoint}
        tracking = stack.enter_context(
            mlflow_server(f"{database}/postgres", home / "mlflow.log", options=options, variables=variables)
        )
        yield Servers(study, tracking, bucket)


def _with_database(server: str, name: str) -> str:
    """The address of a new database of a server."""
    from sqlalchemy import create_engine, text

    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@contextmanager
def cluster(home: Path, between: Namespaces, cpus: int, disk: Path, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Ray cluster: its head in this namespace, without a processor, and a node in the other one.

    Args:
        home: For what they print and keep.
        between: The namespaces.
        cpus: The processors of the node.
        disk: A folder that is the node's own.
        place: Where the processes of the node see that folder. Here it is another one.

    Yields:
        The process of the node.
    """
    for folder in (disk, place):
        folder.mkdir(parents=True)
    # Mounted in a view of the file system that only the node's processes have.
    mounted = ["sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", str(disk), str(place)]
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--object-store-memory", str(_OBJECT_STORE)]
    head = ["--head", "--node-ip-address", HEAD_ADDRESS, "--port", RAY_ADDRESS.rpartition(":")[2], "--num-cpus", "0"]
    head += ["--include-dashboard", "false", "--temp-dir", str(home / "ray")]
    node = ["--address", RAY_ADDRESS, "--node-ip-address", NODE_ADDRESS, "--num-cpus", str(cpus)]
    with (
        _started([*ray, *head], home / "head.log"),
        _started([*within(between.node), *mounted, *ray, *node], home / "node.log") as second,
    ):
        yield second


@contextmanager
def _started(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A part of the cluster, once it says that it has started; it ends with the block."""
    # Without its watch on memory: it would end workers for what other work on this machine holds.
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    with ended(process):
        until = time.monotonic() + START_SECONDS
        while b"Ray runtime started" not in (said := log.read_bytes()):
            if process.poll() is not None or time.monotonic() > until:
                raise StartError(f"the cluster does not start: {said.decode(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield process


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process with the block, where it goes on."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()
