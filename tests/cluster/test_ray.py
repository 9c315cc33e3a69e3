"""Runs on a real Ray cluster of several nodes, all of them on this machine."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.common.ray_nodes import Nodes, ray_nodes
from tests.conftest import MakeOnce
from tests.helpers.runs.several_workers import SHARED, found, run_alone, start, wait_until
from tests.helpers.runs.small_run import MARKS, OPTIONS, run_as_a_user
from tlsearch.cluster.cluster import RayCluster
from tlsearch.cluster.room import ClusterRequest
from tlsearch.errors import UsageError
from tlsearch.results.result import read_result
from tlsearch.worker.protocol import GetVersions
from tlsearch.worker.solved import is_solved_trial

pytestmark = [
    *MARKS,
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def nodes(site: Path) -> Iterator[Nodes]:
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        patch.syspath_prepend(str(site))  # nodes must have what this process has
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            patch.delenv(name, raising=False)
        with ray_nodes() as nodes:
            yield nodes


@pytest.fixture(scope="module")
def local(once: MakeOnce, images: Path, site: Path, tables: Path) -> Mapping[str, Any]:
    """What this machine finds without Ray; that two workers find the same is seen in ``whole_runs/test_workers``."""
    return found(once("alone", lambda home: run_alone(images, home, site, tables)))


@pytest.fixture
def home(tables: Path, tmp_path: Path) -> Path:
    shutil.copy(tables, tmp_path)
    return tmp_path


def test_a_worker_on_a_node_answers_and_its_place_is_given_back(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(2)
    with RayCluster(ClusterRequest(address=nodes.address), tmp_path / "worker.log") as cluster:
        assert cluster.room(None) == 2
        with cluster.worker() as worker:
            worker.use_threads(1)
            assert cluster.take(1, all_of_them=True) == 1
            cluster.check({"--cache-dir": tmp_path / "cache"})
            assert cluster.nodes() == 1
            assert worker.send(GetVersions())["backend"]
            assert worker.memory() > 100_000_000
        assert not list((tmp_path / "cache").iterdir())
    import ray

    assert not ray.is_initialized()


def test_more_workers_than_there_is_room_for(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(2)
    log = tmp_path / "worker.log"
    with RayCluster(ClusterRequest(address=nodes.address), log) as cluster, pytest.raises(UsageError) as caught:
        cluster.room(3)
    assert f"3 workers with 1 CPU and 0.6 GB each do not fit on the Ray cluster at {nodes.address}" in str(caught.value)
    assert "2 CPUs" in str(caught.value)
    assert "room for 2" in str(caught.value)
    wide = ClusterRequest(address=nodes.address, cpus=2)
    with RayCluster(wide, log) as cluster, pytest.raises(UsageError, match=r"1 worker with 2 CPUs .* room for 0"):
        cluster.room(None)
    with_gpu = ClusterRequest(address=nodes.address, gpus=1)
    with RayCluster(with_gpu, log) as cluster, pytest.raises(UsageError, match="1 CPU, 1 GPU and"):
        cluster.room(1)


def test_places_that_other_work_holds(nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes.have(2)
    import ray

    request = ClusterRequest(address=nodes.address)
    with RayCluster(request, tmp_path / "log") as one, RayCluster(request, tmp_path / "log") as other:
        for cluster in (one, other):
            cluster.room(1)
            cluster.worker()
            assert cluster.take(1, all_of_them=True) == 1
        assert other.room(2) == 2  # if nobody else used it
        other.worker()
        monkeypatch.setattr("tlsearch.cluster.cluster.ROOM_SECONDS", 1.0)
        monkeypatch.setattr("tlsearch.cluster.cluster.AUTO_ROOM_SECONDS", 1.0)
        with pytest.raises(UsageError, match="has 1 slot free of the 2 that were asked for"):
            other.take(2, all_of_them=True)
        assert other.take(2, all_of_them=False) == 1
    assert not ray.is_initialized()


def test_a_worker_without_a_gpu_leaves_nodes_that_have_one_alone(nodes: Nodes, tmp_path: Path) -> None:
    nodes.have(1, gpus=1)
    with RayCluster(ClusterRequest(address=nodes.address, gpus=1), tmp_path / "log") as cluster:
        assert cluster.room(None) == 2
        for _ in range(2):
            cluster.worker()
        assert cluster.take(2, all_of_them=True) == 2
        gpus = {node.node_id: node.gpus for node in cluster._nodes()}
        assert [gpus[host.facts.node_id] for host in cluster._hosts] == [1, 0]
        nodes.have(1, gpus=2)
        late = cluster.ask(with_gpu=False)
        assert not late.is_placed(2.0)  # though a processor is free beside the new GPU
        assert cluster.ask(with_gpu=True).is_placed(20.0)
        assert not late.why


def test_a_folder_that_nodes_do_not_see_is_named_before_any_work(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.have(1)
    with RayCluster(ClusterRequest(address=nodes.address), tmp_path / "log") as cluster:
        cluster.room(1)
        cluster.worker()
        cluster.take(1, all_of_them=True)
        # Each process has a file under this path of its own: what one writes no other sees.
        hidden = Path("/proc/self/cwd")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError, match=r"does not see the folder /proc/self/cwd: name one with --cache-dir"):
            cluster.check({"--cache-dir": hidden})
    assert not list(tmp_path.glob(".tlsearch-seen*"))


def test_three_nodes_find_what_this_machine_finds(
    nodes: Nodes, local: Mapping[str, Any], images: Path, site: Path, home: Path
) -> None:
    nodes.have(3)
    run_as_a_user(images, home, site, *SHARED, "--cluster", nodes.address)
    assert found(home) == local
    result = read_result(home / "out")
    assert result.plan.workers == 3
    trained = {span.worker for span in result.work_spans if span.kind == "trial"}
    assert trained == {1, 2, 3}
    assert all(span.node for span in result.work_spans if span.worker <= 3)
    printed = (home / "printed.txt").read_text()
    assert "3 workers on 3 nodes of the Ray cluster with 1 thread each; trials in rounds of 3" in printed
    assert "imported:\n" in printed  # no backend in the parent, on a cluster either


def trials_of(home: Path) -> int:
    return len(list((home / "out" / ".tlsearch-work" / "checkpoint").glob("trial-*.json")))


def begin(nodes: Nodes, images: Path, home: Path, site: Path, *more: str) -> subprocess.Popen[str]:
    options = ("--cluster", nodes.address, "--workers", "3", "--output", "out", *more)
    return start(images, home, site, "run", str(images), *OPTIONS, *SHARED, *options)


def computing_for(home: Path) -> list[psutil.Process]:
    """The worker processes, wherever they are, of runs that keep their features below a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            cache = process.environ().get("TLSEARCH_CACHE_DIR")
            if "tlsearch.worker" in process.cmdline() and cache == str(home / "cache"):
                found.append(process)
    return found


def test_a_node_with_a_gpu_that_goes_changes_nothing_and_heads_stay_with_those_without(
    nodes: Nodes, local: Mapping[str, Any], images: Path, site: Path, home: Path
) -> None:
    nodes.have(1, gpus=2)
    chance = random.Random(0)
    process = begin(nodes, images, home, site, "--gpus-per-worker", "1")
    wait_until(lambda: (home / "out" / "study.db").exists() and trials_of(home) >= 1, process)
    hidden = [worker.environ().get("CUDA_VISIBLE_DEVICES") == "-1" for worker in computing_for(home)]
    time.sleep(chance.uniform(0.0, 2.0))
    nodes.take_away(gpu=True)  # its worker becomes a guest of the other one that has a GPU
    printed, _ = process.communicate(timeout=800)
    assert process.returncode == 0, printed
    assert sorted(hidden) == [False, False, True]
    said = "3 workers, 2 of them with a GPU, on 3 nodes of the Ray cluster with 1 thread each; trials in rounds of 3"
    assert said in " ".join(printed.split())
    assert found(home) == local
    result = read_result(home / "out")
    assert result.plan.solve_apart
    solved = {row.spec.label: is_solved_trial(row.spec) for row in result.trials}
    trained = [span for span in result.work_spans if span.kind == "trial"]
    assert {solved[span.subject] for span in trained} == {True, False}
    assert all((span.worker == 3) == solved[span.subject] for span in trained)
    assert {span.worker for span in result.work_spans if span.kind in ("measure", "profile")} <= {1, 2}


def test_a_parent_that_was_killed_is_resumed_and_nothing_is_done_twice(
    nodes: Nodes, local: Mapping[str, Any], images: Path, site: Path, home: Path
) -> None:
    nodes.have(2, gpus=1)
    process = begin(nodes, images, home, site, "--gpus-per-worker", "1")
    wait_until(lambda: trials_of(home) >= 2, process)
    process.kill()
    process.communicate()
    kept = {path.name: path.read_bytes() for path in (home / "out" / ".tlsearch-work" / "checkpoint").iterdir()}
    refused = start(images, home, site, "resume", "out", "--cluster", "none")  # there is one kind of workers here
    printed, _ = refused.communicate(timeout=100)
    assert refused.returncode == 2
    assert "name a cluster that has both with --cluster and --gpus-per-worker" in " ".join(printed.split())
    resumed = start(images, home, site, "resume", "out")
    printed, _ = resumed.communicate(timeout=800)
    assert resumed.returncode == 0, printed
    assert "3 workers, 1 of them with a GPU, on 3 nodes of the Ray cluster" in " ".join(printed.split())
    assert found(home) == local
    assert kept
    again = read_result(home / "out")
    trials = [row.number for row in again.trials if row.role == "trial"]
    assert trials == sorted(set(trials))


def test_an_interrupted_run_leaves_no_process_and_is_resumed_without_the_cluster(
    nodes: Nodes, local: Mapping[str, Any], images: Path, site: Path, home: Path
) -> None:
    nodes.have(3)
    process = begin(nodes, images, home, site)
    wait_until(lambda: trials_of(home) >= 1, process)
    assert len(computing_for(home)) >= 3  # the variable has travelled with the request
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    psutil.wait_procs(computing_for(home), timeout=30)
    assert computing_for(home) == []
    resumed = start(images, home, site, "resume", "out", "--cluster", "none", "--workers", "2")
    printed, _ = resumed.communicate(timeout=800)
    assert resumed.returncode == 0, printed
    assert "2 workers with 1 thread each; trials in rounds of 3" in printed
    assert found(home) == local
