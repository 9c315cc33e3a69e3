"""What this process may use of the machine, and what sets the limit: the system, a container, or the user."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tlsearch.utils.units import counted

ROOT = Path("/")
"""Where the folders ``proc`` and ``sys`` lie."""

THREADS_VARIABLE = "OMP_NUM_THREADS"
"""The variable by which users and clusters say how many threads a program may use. In "4,2" the 4 counts."""

LIBRARY_VARIABLES = (
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    *(THREADS_VARIABLE, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
)
"""Those of TensorFlow, and of what NumPy and PyTorch compute with. Of themselves these libraries see the cores that a
process may run on, and no quota. JAX has none."""

_NO_LIMIT = 2**62
"""Bytes that no machine has: cgroup v1 writes a number near 2**63 where there is no limit."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much there is of something.

    Attributes:
        amount: What may be used: cores or bytes.
        machine: What the machine has.
        reason: What allows less than that, in words; empty where nothing does.
    """

    amount: int
    machine: int
    reason: str = ""


def usable_cores() -> int:
    """The number of processor cores that this process may use, 1 or more: what every pool of threads obeys."""
    return cores().amount


def usable_memory() -> int:
    """The bytes of memory of the machine, or those that its container may use."""
    return memory().amount


def cores(root: Path | None = None) -> Allowance:
    """Find the cores that this process may use: the least of what the system, a container and the user allow.

    The system may pin the process to some cores (``taskset``, a batch system). A container, or any other control group
    of version 1 or 2, may have a quota of processor time, which is rounded up. The user may set ``OMP_NUM_THREADS``.

    Args:
        root: Where ``proc`` and ``sys`` lie; None for ``ROOT``.
    """
    machine = os.cpu_count() or 1
    found = [(machine, "")]
    found.append((_schedulable(), "this process is pinned to them, as by taskset or a batch system"))
    quota = min(_cpu_quotas(root or ROOT), default=math.inf)
    if quota < machine:
        found.append((max(1, math.ceil(quota)), f"the quota of its container or control group is {quota:g} cores"))
    if wanted := _number(os.environ.get(THREADS_VARIABLE, "")):
        found.append((wanted, f"{THREADS_VARIABLE} is {wanted}"))
    return _least(found)


def memory(root: Path | None = None) -> Allowance:
    """Find the bytes of memory that this process may use: those of the machine, or of a container or control group.

    Args:
        root: Where ``proc`` and ``sys`` lie; None for ``ROOT``.
    """
    import psutil  # which most commands do not wait for

    machine = int(psutil.virtual_memory().total)
    limit = min(_memory_limits(root or ROOT), default=_NO_LIMIT)
    return _least([(machine, ""), (limit, "the limit of its container or control group")])


MOST_CONTENTION = 5.0
"""More than this is a moment in which the thread was not served, and says little of the minutes that follow."""


ROUNDS = 50_000
"""Rounds of a hash that a thread computes at once, to see how long it takes: some hundredths of a second."""


def contention(seconds: float = 0.1) -> float:
    """Give how many times longer a thread takes now than where nothing else computes, by computing for a moment.

    It is the time that passes while a thread computes for so many ``seconds``, divided by them: 1 to
    ``MOST_CONTENTION``. What it computes needs no interpreter, which other threads of this process may hold.
    """
    began, computed = time.perf_counter(), time.thread_time()
    while (used := time.thread_time() - computed) < seconds:
        hashlib.pbkdf2_hmac("sha256", b"", b"", ROUNDS)
    return min(MOST_CONTENTION, max(1.0, (time.perf_counter() - began) / used))


def in_words() -> str:
    """Say what may be used, with the reason where that is not all: a line of the plan."""
    found, held = cores(), memory()
    count = counted(found.amount, "core")
    if found.reason:
        count = f"{found.amount} of {found.machine} cores ({found.reason})"
    size = f"{held.amount / 1e9:.1f} GB of memory"
    if held.reason:
        size = f"{held.amount / 1e9:.1f} of {held.machine / 1e9:.1f} GB of memory ({held.reason})"
    return f"may use {count} and {size}"


def thread_variables() -> Mapping[str, str]:
    """Give variables of the environment for libraries that would use more threads than there are usable cores.

    Those that the user has set to fewer are left out. It is empty where libraries see by themselves what they may use.
    """
    count = usable_cores()
    if count >= _schedulable():
        return {}
    return {name: str(count) for name in LIBRARY_VARIABLES if not 0 < _number(os.environ.get(name, "")) <= count}


def limit_libraries() -> None:
    """Have libraries that this process loads from now on use no more threads than there are usable cores."""
    os.environ.update(thread_variables())


def _least(found: list[tuple[int, str]]) -> Allowance:
    """The smallest amount with its reason; of equal ones the first."""
    amount, reason = min(found, key=lambda item: item[0])
    return Allowance(amount=amount, machine=found[0][0], reason=reason)


def _number(text: str) -> int:
    """The number of threads that a variable says; 0 where it says none."""
    first = text.split(",")[0].strip()
    return int(first) if first.isascii() and first.isdecimal() else 0


def _schedulable() -> int:
    """Cores on which the system lets this process run; all of them where it does not say (macOS, Windows)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_quotas(root: Path) -> Iterator[float]:
    """The quotas of the control groups that this process is in, in cores."""
    for folder in _groups(root, "cpu"):
        words = _words(folder / "cpu.max")
        words = words or [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
        if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[0]) and int(words[1]):
            yield int(words[0]) / int(words[1])


def _memory_limits(root: Path) -> Iterator[int]:
    """The limits of the control groups that this process is in, in bytes."""
    for folder in _groups(root, "memory"):
        for file in (folder / "memory.max", folder / "memory.limit_in_bytes"):
            words = _words(file)
            if words and words[0].isdecimal() and 0 < int(words[0]) < _NO_LIMIT:
                yield int(words[0])


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups that limit this process in ``controller``: its own, and those above it.

    Version 2 has one tree (the line ``0::/path`` of ``/proc/self/cgroup``), version 1 one for each controller
    (``4:cpu,cpuacct:/path``); a machine may have both. In a container the path may be that of the machine, where the
    container sees its own group as the root.
    """
    base = root / "sys" / "fs" / "cgroup"
    places = {base: "/", base / controller: "/"}
    for line in _lines(root / "proc" / "self" / "cgroup"):
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if not names:
            places[base] = path
        elif controller in names.split(","):
            places |= {base / controller: path, base / names: path}
    for top, path in places.items():
        folder = top / path.lstrip("/")
        yield top
        while folder != top and top in folder.parents:
            yield folder
            folder = folder.parent


def _words(file: Path) -> list[str]:
    return [word for line in _lines(file) for word in line.split()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
