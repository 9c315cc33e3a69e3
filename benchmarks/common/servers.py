"""Servers on this machine's loopback, and clients that ask them; all of it ends by itself."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.common.machine import ROOT

APP = ROOT / "examples" / "serve" / "app.py"
PATIENCE = 240.0
"""Seconds that a server has to begin to answer: MLflow's loads Keras."""


@dataclass(frozen=True)
class Question:
    """What is sent in one request: the body, and its type."""

    body: bytes
    content_type: str


@contextmanager
def example_server(model: Path, log: Path, **variables: object) -> Iterator[str]:
    """The address of ``examples/serve`` with an exported ONNX file; ``variables`` are those of its environment."""
    port = free_port()
    given = {name: str(value) for name, value in variables.items()}
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "MODEL": str(model), **given}
    address = f"http://127.0.0.1:{port}"
    with running([sys.executable, str(APP)], environment, log, f"{address}/health"):
        yield address


@contextmanager
def mlflow_model_server(model: str, tracking_uri: str, log: Path) -> Iterator[str]:
    """The address of ``mlflow models serve`` with one worker, which is its default, on a logged model."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    # The command finds uvicorn on the path.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    address = f"http://127.0.0.1:{port}"
    with running(command, environment, log, f"{address}/ping"):
        yield address


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], log: Path, ready: str, patience: float = PATIENCE
) -> Iterator[None]:
    """Start a server, wait until the address ``ready`` answers, and end it and all its processes with the block.

    It may take ``patience`` seconds to answer.

    Raises:
        RuntimeError: It does not answer; the message has the end of what it printed, which ``log`` holds.
    """
    with log.open("wb") as stream:
        # A session of its own, so that the processes that it starts end with it.
        server = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            _wait(server, ready, log, patience)
            yield
        finally:
            _end(server)


def _wait(server: subprocess.Popen[bytes], ready: str, log: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(ready, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the server does not answer: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, then end whatever of its processes is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def free_port() -> int:
    """A port on which nothing listens now, of those that systems give to nobody by themselves.

    A server takes seconds until it listens. Of the others, which are 32768 and more, one that is free now may belong
    to a connection by then.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("none of a hundred ports is free")


def ask(address: str, question: Question) -> Any:
    """The JSON that a server answers to one request.

    Raises:
        urllib.error.HTTPError: It answers with another status than 200.
    """
    request = urllib.request.Request(address, question.body, {"Content-Type": question.content_type})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def load(address: str, questions: Sequence[Question], clients: int, requests: int) -> tuple[list[float], float]:
    """Let clients ask at once, each its next question as soon as it has an answer, over connections that stay open.

    Args:
        address: Where to; on this machine.
        questions: They take turns.
        clients: How many ask side by side.
        requests: How many requests they make together.

    Returns:
        The seconds that each answer took, and those that all took together.

    Raises:
        RuntimeError: An answer is none.
    """
    seconds: list[float] = []
    troubles: list[str] = []
    turn = iter(range(requests))
    lock = threading.Lock()

    def client() -> None:
        place = urlsplit(address)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        try:
            while not troubles:
                with lock:
                    number = next(turn, None)
                if number is None:
                    return
                question = questions[number % len(questions)]
                began = time.perf_counter()
                connection.request("POST", place.path, question.body, {"Content-Type": question.content_type})
                answer = connection.getresponse()
                content = answer.read()
                seconds.append(time.perf_counter() - began)
                if answer.status != 200:
                    troubles.append(content[:300].decode(errors="replace"))
        except OSError as error:
            troubles.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise RuntimeError(f"{address} does not answer as it should: {troubles[0]}")
    return seconds, time.perf_counter() - began
