"""What this machine has for a process, or the container that it runs in."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """The number of processor cores that this process may use: those it may run on, within a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(_cpu_quota(_CGROUP))))


def usable_memory() -> int:
    """The bytes of memory of the machine, or those that its container may use."""
    return min(psutil.virtual_memory().total, _memory_limit(_CGROUP))


def _cpu_quota(folder: Path) -> float:
    """Cores that a container may use; a large number where nothing limits it."""
    words = _words(folder / "cpu.max") or [
        *_words(folder / "cpu" / "cpu.cfs_quota_us"),
        *_words(folder / "cpu" / "cpu.cfs_period_us"),
    ]
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[0]):
        return int(words[0]) / int(words[1])
    return 1e6


def _memory_limit(folder: Path) -> int:
    for file in (folder / "memory.max", folder / "memory" / "memory.limit_in_bytes"):
        words = _words(file)
        if words and words[0].isdigit():
            return int(words[0])
    return 2**63


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
