"""What a process may use of the machine: the least of what there is, what a container allows, and what it was told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tlsearch.utils import machine
from tlsearch.utils.child_python import child_environment
from tlsearch.utils.machine import THREADS_VARIABLE, cores, in_words, memory, thread_variables, usable_cores
from tlsearch.worker.process import limits_of

CGROUP = "sys/fs/cgroup"
V2 = "0::/user.slice/job.scope\n"
V1 = "12:memory:/slurm/job_7\n4:cpu,cpuacct:/slurm/job_7/step_0\n1:name=systemd:/init.scope\n"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight cores, and nothing that the user says of threads."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    for name in machine.LIBRARY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def system(root: Path, files: Mapping[str, str]) -> Path:
    """A folder that says what ``/proc`` and ``/sys`` of a system would say."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        # In a container of version 2, which sees its own group as the root.
        ({f"{CGROUP}/cpu.max": "max 100000\n"}, 8),
        ({f"{CGROUP}/cpu.max": "200000 100000\n"}, 2),
        ({f"{CGROUP}/cpu.max": "150000 100000\n"}, 2),
        ({f"{CGROUP}/cpu.max": "50000 100000\n"}, 1),
        ({f"{CGROUP}/cpu.max": "9900000 100000\n"}, 8),
        ({f"{CGROUP}/cpu.max": "nonsense"}, 8),
        ({f"{CGROUP}/cpu.max": "100000 0\n"}, 8),
        # A group below the root, or one above it, is limited.
        ({"proc/self/cgroup": V2, f"{CGROUP}/user.slice/job.scope/cpu.max": "300000 100000\n"}, 3),
        ({"proc/self/cgroup": V2, f"{CGROUP}/user.slice/cpu.max": "400000 100000\n"}, 4),
        (
            {
                "proc/self/cgroup": V2,
                f"{CGROUP}/user.slice/cpu.max": "500000 100000\n",
                f"{CGROUP}/user.slice/job.scope/cpu.max": "600000 100000\n",
            },
            5,
        ),
        # The path of the machine, in a container that sees something else: its root counts.
        ({"proc/self/cgroup": "0::/../../docker/abc\n", f"{CGROUP}/cpu.max": "200000 100000\n"}, 2),
        # Version 1: the root, a group below it, and the folder with the name of both controllers.
        ({f"{CGROUP}/cpu/cpu.cfs_quota_us": "300000\n", f"{CGROUP}/cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({f"{CGROUP}/cpu/cpu.cfs_quota_us": "-1\n", f"{CGROUP}/cpu/cpu.cfs_period_us": "100000\n"}, 8),
        (
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu,cpuacct/slurm/job_7/cpu.cfs_quota_us": "250000\n",
                f"{CGROUP}/cpu,cpuacct/slurm/job_7/cpu.cfs_period_us": "50000\n",
            },
            5,
        ),
    ],
)
def test_cores(files: Mapping[str, str], count: int, tmp_path: Path) -> None:
    found = cores(system(tmp_path, files))
    assert (found.amount, found.machine) == (count, 8)
    assert ("quota of its container" in found.reason) == (count < 8)


@pytest.mark.parametrize(
    ("files", "size"),
    [
        ({}, None),
        ({f"{CGROUP}/memory.max": "max\n"}, None),
        ({f"{CGROUP}/memory.max": "1000000\n"}, 1_000_000),
        ({"proc/self/cgroup": V2, f"{CGROUP}/user.slice/memory.max": "3000000\n"}, 3_000_000),
        ({f"{CGROUP}/memory/memory.limit_in_bytes": "2000000\n"}, 2_000_000),
        ({f"{CGROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({"proc/self/cgroup": V1, f"{CGROUP}/memory/slurm/job_7/memory.limit_in_bytes": "4000000\n"}, 4_000_000),
    ],
)
def test_memory(files: Mapping[str, str], size: int | None, tmp_path: Path) -> None:
    found = memory(system(tmp_path, files))
    total = psutil.virtual_memory().total
    assert (found.amount, found.machine) == (size or total, total)
    assert bool(found.reason) == (size is not None)


@pytest.mark.parametrize(
    ("value", "count"), [("3", 3), ("4,2", 4), ("99", 8), ("0", 8), ("-2", 8), ("many", 8), ("", 8), ("\u0664", 8)]
)
def test_what_the_user_says_of_threads(value: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, value)
    found = cores(tmp_path)
    assert found.amount == count
    assert found.reason == (f"OMP_NUM_THREADS is {count}" if count < 8 else "")


def test_the_least_counts_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {f"{CGROUP}/cpu.max": "350000 100000\n", f"{CGROUP}/memory.max": "2000000000\n"}
    monkeypatch.setattr(machine, "ROOT", system(tmp_path, limits))
    assert "may use 4 of 8 cores (the quota of its container or control group is 3.5 cores) and 2.0 of " in in_words()
    assert in_words().endswith(" GB of memory (the limit of its container or control group)")
    monkeypatch.setenv(THREADS_VARIABLE, "2")
    assert in_words().startswith("may use 2 of 8 cores (OMP_NUM_THREADS is 2) and")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {5}, raising=False)
    assert in_words().startswith("may use 1 of 8 cores (this process is pinned to them, as by taskset")
    monkeypatch.setattr(machine, "ROOT", tmp_path / "none")
    monkeypatch.delenv(THREADS_VARIABLE)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert in_words() == f"may use 8 cores and {psutil.virtual_memory().total / 1e9:.1f} GB of memory"


def test_libraries_are_told_of_a_quota_that_they_do_not_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    assert limits_of(None) == {}
    system(tmp_path, {f"{CGROUP}/cpu.max": "200000 100000\n"})
    assert limits_of(None) == dict.fromkeys(machine.LIBRARY_VARIABLES, "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # the user's own, which is less
    monkeypatch.setenv("MKL_NUM_THREADS", "64")
    assert thread_variables().keys() == set(machine.LIBRARY_VARIABLES) - {"OPENBLAS_NUM_THREADS"}
    assert limits_of(5)["TF_NUM_INTRAOP_THREADS"] == "5"  # asked for with --threads


# What a process of the backend computes with, whose libraries see two cores or more.
COMPUTE = """
from tlsearch import backend
backend.prepare()
import numpy as np, tensorflow as tf
from threadpoolctl import threadpool_info
np.ones((600, 600)) @ np.ones((600, 600))
tf.nn.conv2d(tf.ones((8, 64, 64, 8)), tf.ones((3, 3, 8, 8)), 1, "SAME")
from pathlib import Path
names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
print(max(pool["num_threads"] for pool in threadpool_info()), sum(name.startswith("tf_Compute") for name in names))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list threads")
def test_the_backend_and_blas_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core only")
    monkeypatch.setenv(THREADS_VARIABLE, "1")
    done = subprocess.run(
        [sys.executable, "-c", COMPUTE],
        capture_output=True,
        text=True,
        check=True,
        env=child_environment(**limits_of(None)),
    )
    blas, tensorflow = map(int, done.stdout.split())
    assert blas == 1
    assert tensorflow <= 1


@pytest.mark.skipif(shutil.which("taskset") is None, reason="there is no taskset")
def test_taskset_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    allowed = min(os.sched_getaffinity(0))
    ask = "from tlsearch.utils.machine import cores, usable_cores; print(usable_cores(), cores().reason)"
    plain = {name: value for name, value in os.environ.items() if name not in machine.LIBRARY_VARIABLES}
    done = subprocess.run(
        ["taskset", "-c", str(allowed), sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        check=True,
        env=plain,
    )
    assert done.stdout.startswith("1 ")
    assert ("taskset" in done.stdout) == ((os.cpu_count() or 1) > 1)


def test_the_pool_of_threads_obeys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsearch.data.images.parallel import map_files

    system(tmp_path, {f"{CGROUP}/cpu.max": "300000 100000\n"})
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    assert usable_cores() == 3
    names = set(map_files(lambda _: _thread_after_a_moment(), range(12)))
    assert len(names) == 3


def _thread_after_a_moment() -> str:
    """The name of this thread, once others had time to start."""
    import threading
    import time

    time.sleep(0.02)
    return threading.current_thread().name


def test_a_thread_takes_as_long_as_it_does_alone_or_longer() -> None:
    assert 1.0 <= machine.contention(0.02) <= machine.MOST_CONTENTION
