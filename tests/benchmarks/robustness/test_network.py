"""Two machines made of one, the wire between them, and a quick run over it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.machine import ROOT
from benchmarks.common.results import Result, read_result
from benchmarks.figures.robustness.disturbed import network as rendered
from benchmarks.figures.robustness.disturbed import network_brief
from benchmarks.robustness import namespaces as ns
from benchmarks.robustness import network, network_run
from benchmarks.robustness.namespaces import HEAD_ADDRESS, NODE_ADDRESS, link, namespaces, pids_in, within
from benchmarks.robustness.network_world import FEATURES_BUCKET
from benchmarks.robustness.wire import Wire
from tests.helpers.servers.bucket import serve_bucket


def may_make_namespaces() -> bool:
    """Whether this process may make a network namespace: root in a container may not, in most of them."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"tls-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    return made and subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not may_make_namespaces(),
    reason="network namespaces need Linux, iproute2, and root that may make them",
)

FIGURES = {
    "trials": 12, "workers": 2, "winner": "a", "cut_seconds": 20.0, "delay_ms": 50.0, "loss": 0.01, "seed": 0,
    "health_checks": None, "trials_at_the_cut": 4, "frames": 12345, "lost": 120,
    "megabytes": {"before": 20.0, "after": 3.25},
    "round_trip_ms": {"before": 0.31, "after": 100.6}, "seconds": {"local": 90.0, "remote": 200.0}, "node_lost": False,
    "features": {"files": 7, "megabytes": 12.0}, "recorded": 12, "repeated": 0, "troubles": [],
}  # fmt: skip


class Ends:
    """A wire between two pairs of sockets; ``left`` and ``right`` are what hangs on it."""

    def __init__(self) -> None:
        self.left, near_left = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.right, near_right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.wire = Wire(near_left, near_right, 0)
        commands, self._commands = (os.fdopen(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self._answers, answers = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self._closed: list[Any] = [self.left, self.right, near_left, near_right, commands, self._answers, answers]
        self._thread = threading.Thread(target=self.wire.run, args=(commands, answers))
        self._thread.start()

    def tell(self, **wanted: float) -> dict[str, int]:
        self._commands.write(json.dumps(wanted).encode() + b"\n")
        counts: dict[str, int] = json.loads(self._answers.readline())
        return counts

    def close(self) -> None:
        self._commands.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        for each in self._closed:
            each.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_frames_cross_in_both_directions_in_their_order(ends: Ends) -> None:
    ends.tell(delay=0.02)
    for number in range(5):
        ends.left.send(b"to the right %d" % number)
        ends.right.send(b"to the left %d" % number)
    assert [ends.right.recv(99) for _ in range(5)] == [b"to the right %d" % number for number in range(5)]
    assert [ends.left.recv(99) for _ in range(5)] == [b"to the left %d" % number for number in range(5)]
    assert ends.tell() == {"frames": 10, "bytes": 135, "lost": 0}


def test_a_share_of_the_frames_is_lost(ends: Ends) -> None:
    ends.tell(loss=0.5)
    for number in range(60):
        ends.left.send(b"%d" % number)
    while (counts := ends.tell())["frames"] < 60:
        time.sleep(0.01)
    came = [int(ends.right.recv(99)) for _ in range(60 - counts["lost"])]
    assert 15 <= counts["lost"] <= 45
    assert came == sorted(came)
    ends.tell(loss=1.0)
    ends.left.send(b"nothing comes")
    while ends.tell()["frames"] < 61:
        time.sleep(0.01)
    ends.right.setblocking(False)
    with pytest.raises(BlockingIOError):
        ends.right.recv(99)


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    assert network.main(["--quick"]) == 2
    assert capsys.readouterr().err == "This makes network namespaces, which only root may do: run it as root.\n"


def test_features_that_are_not_shared_are_named(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.mkdir()
    for name in ("a", "b", "c"):
        (node / f"{name}.npy").write_bytes(name.encode())
    with serve_bucket(FEATURES_BUCKET, tmp_path / "nothing", "") as bucket:
        bucket.put_object(Bucket=FEATURES_BUCKET, Key="a.npy", Body=b"a")
        bucket.put_object(Bucket=FEATURES_BUCKET, Key="b.npy", Body=b"B")
        bucket.put_object(Bucket=FEATURES_BUCKET, Key=".c.npy.part", Body=b"")
        found, troubles = network_run.feature_troubles(bucket, node)
    assert found["files"] == 3
    assert troubles == [
        ".c.npy.part on S3 is no file of features",
        "the features c.npy of the node are not on S3",
        "the features b.npy on S3 are not those of the node",
    ]


def test_how_the_figures_are_shown() -> None:
    result = Result(
        benchmark=network.BENCHMARK, command="c", commit="0" * 40, machine={"cores": 2}, date=None, versions={},
        figures=FIGURES,
    )  # fmt: skip
    shown = rendered(result)
    assert "When 4 trials of the search were over, the wire was cut for 20 seconds." in shown
    assert "50 ms in either direction, and 1.0% of them were lost" in shown
    assert "Every trial was recorded once" in shown
    assert "| frames afterwards, and lost of them | 12,345, 120 |" in shown
    assert network_brief(result) == "12 trials, 20 s without a network, 0 losses"


def answered(address: str, seconds: float) -> bool:
    """Whether a connection to the node is refused, which is an answer, within so many seconds."""
    probe = "import socket, sys; s = socket.socket(); s.settimeout(float(sys.argv[2])); s.connect((sys.argv[1], 9))"
    command = [sys.executable, "-c", probe, address, str(seconds)]
    done = subprocess.run([*within(ns_of_this().head), *command], capture_output=True, text=True, check=False)
    return "ConnectionRefusedError" in done.stderr


def ns_of_this() -> ns.Namespaces:
    return ns.Namespaces(f"tlsearch-net-{os.getpid()}")


@needs_namespaces
def test_two_machines_and_a_wire_that_is_cut() -> None:
    with namespaces() as made, link(made, 0) as wire:
        assert made == ns_of_this()
        assert answered(NODE_ADDRESS, 10)
        assert answered(HEAD_ADDRESS, 10)  # the machine itself
        frames = wire.counts()["frames"]
        assert frames >= 4  # who has this address? I have; a connection; no
        wire.cut()
        assert not answered(NODE_ADDRESS, 1.5)
        wire.mend()
        wire.be(delay=0.01, loss=0.0)
        assert answered(NODE_ADDRESS, 10)
        assert wire.counts()["frames"] > frames
        wire.be(delay=0.0, loss=1.0)
        assert not answered(NODE_ADDRESS, 1.5)
        left = subprocess.Popen([*within(made.node), "sleep", "600"])
        while left.pid not in pids_in(made.node):
            time.sleep(0.02)
    assert left.wait(10) == -signal.SIGKILL
    assert not [name for name in made.names if Path("/run/netns", name).exists()]


@needs_namespaces
def test_what_a_killed_process_has_left_is_removed() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"tlsearch-net-{ended.pid}-head"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        with namespaces():
            assert not Path("/run/netns", name).exists()
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["ip", "netns", "del", name], check=True, capture_output=True)


def quick_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{network.BENCHMARK}", "--quick", *arguments]


@needs_namespaces
@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_a_quick_run_finds_the_same_over_a_network_that_is_cut(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    file = tmp_path / "result.json"
    done = subprocess.run(
        quick_command("--result", str(file)), cwd=ROOT, capture_output=True, text=True, timeout=850, check=False
    )
    assert done.returncode == 0, done.stderr[-6000:] + done.stdout[-2000:]
    figures: Any = read_result(file).figures
    assert figures["troubles"] == []
    assert figures["trials"] == figures["recorded"] >= 4
    assert figures["frames"] > figures["lost"]
    assert figures["round_trip_ms"]["after"] > figures["round_trip_ms"]["before"]
    assert figures["features"]["files"] >= 1


@needs_namespaces
@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_ctrl_c_leaves_no_process_and_no_namespace() -> None:
    pytest.importorskip("ray")
    process = subprocess.Popen(quick_command(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    made = ns.Namespaces(f"tlsearch-net-{process.pid}")
    for line in process.stderr:
        if "servers" in line:
            break
    while not pids_in(made.wire):  # the last to start but for the cluster
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=400)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not [name for name in made.names if Path("/run/netns", name).exists()]
